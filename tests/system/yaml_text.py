"""Settings as YAML text: mappings in block form, lists in flow form, every scalar quoted."""

import json


def yaml_text(value, depth=0):
    lines = []
    for key, item in value.items():
        if item is None:
            continue
        if isinstance(item, dict):
            lines.append(f"{'  ' * depth}{key}:\n{yaml_text(item, depth + 1)}")
        else:
            lines.append(f"{'  ' * depth}{key}: {flow(item)}\n")
    return "".join(lines)


def flow(item):
    if isinstance(item, dict):
        return "{ " + ", ".join(f"{key}: {flow(part)}" for key, part in item.items()) + " }"
    if isinstance(item, list):
        return "[" + ", ".join(flow(part) for part in item) + "]"
    if isinstance(item, int):
        return str(item)
    return json.dumps(str(item), ensure_ascii=False)
