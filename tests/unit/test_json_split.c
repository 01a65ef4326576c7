/* Objects cut from streams of JSON; whole, and byte by byte. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/json_split.h"

/* Each object a line; "!" for what was none. */
static void split_all(struct str input, size_t step, struct buf *out)
{
	struct json_split split = { 0 };
	size_t start = 0, end = step < input.len ? step : input.len;

	for (;;) {
		bool at_end = end == input.len, good = true;
		struct str object = STR("");
		const char *why = NULL;
		size_t used = 0;
		enum json_cut cut =
			json_split_next(&split, (struct str){ input.ptr + start, end - start }, at_end, &object, &used, &why);

		if (cut == JSON_CUT_MORE && at_end)
			break;
		if (cut == JSON_CUT_MORE) {
			end = end + step < input.len ? end + step : input.len;
			continue;
		}
		if (cut == JSON_CUT_OBJECT)
			good = buf_add(out, object) && buf_add_byte(out, '\n');
		if (cut == JSON_CUT_BAD)
			good = why && buf_add(out, STR("!\n"));
		if (!good || used == 0 || used > end - start) {
			CHECK(false, "a step of splitting");
			break;
		}
		start += used;
	}
	CHECK(start == input.len, "all of it is read");
}

static const struct {
	const char *label;
	const char *input;
	const char *want;
} cases[] = {
	{ "one a line", "{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n" },
	{ "an array", "[ {\"a\":[1,{\"x\":{}}]},\n {\"b\":\"]}\"} ]\n", "{\"a\":[1,{\"x\":{}}]}\n{\"b\":\"]}\"}\n" },
	{ "empty", "[]\n", "" },
	{ "quotes and backslashes", "{\"a\":\"\\\"}\\\\\"}{\"b\":\"{\\\\\\\"\"}", "{\"a\":\"\\\"}\\\\\"}\n{\"b\":\"{\\\\\\\"\"}\n" },
	{ "a page of Graph's", "{\"@odata.context\":\"https://x\",\"value\":[{\"a\":1},{\"b\":2}],\"@odata.nextLink\":\"y\"}",
	  "{\"a\":1}\n{\"b\":2}\n" },
	{ "an empty page", "{ \"value\" : [ ] }", "" },
	{ "pages behind each other", "{\"value\":[{\"a\":1}]}\n{\"@odata.count\":1,\"value\":[{\"b\":2}],\"x\":{\"y\":[1]},\"z\":3}\n",
	  "{\"a\":1}\n{\"b\":2}\n" },
	{ "an array of pages", "[{\"value\":[{\"a\":1}]},{\"value\":[{\"b\":2}]}]", "{\"a\":1}\n{\"b\":2}\n" },
	{ "records of an Event Hub", "{\"records\":[{\"a\":1}]}\n{\"records\": [{\"b\":2}]}\n", "{\"a\":1}\n{\"b\":2}\n" },
	{ "value that is no list belongs to a record", "{\"value\":1,\"a\":2}", "{\"value\":1,\"a\":2}\n" },
	{ "value within is a record's", "{\"a\":1,\"value\":[{\"b\":2}]}", "{\"a\":1,\"value\":[{\"b\":2}]}\n" },
	{ "an empty object", "{}\n", "{}\n" },
	{ "cut off in a number, and on with the next line", "{\"a\":12\n{\"b\":2}\n", "!\n{\"b\":2}\n" },
	{ "cut off behind a comma", "{\"a\":12,\n{\"b\":2}\n", "!\n{\"b\":2}\n" },
	{ "cut off in a text", "{\"a\":\"12\n{\"b\":2}\n", "!\n{\"b\":2}\n" },
	{ "cut off in an inner object", "{\"a\":{\"x\":1}\n{\"b\":2}\n", "!\n{\"b\":2}\n" },
	{ "cut off at the end", "{\"a\":1}\n{\"b\":", "{\"a\":1}\n!\n" },
	{ "no JSON between", "{\"a\":1}\nERROR 17\n{\"b\":2}\n", "{\"a\":1}\n!\n{\"b\":2}\n" },
	{ "a bracket too many", "{\"a\":1]}\n{\"b\":2}\n", "!\n{\"b\":2}\n" },
	{ "a damaged tail", "{\"value\":[{\"a\":1}],x}\n{\"b\":2}\n", "{\"a\":1}\n!\n{\"b\":2}\n" },
};

static void test_deep(void)
{
	CLEANUP(cleanup_buf) struct buf input;
	CLEANUP(cleanup_buf) struct buf out;
	bool good = true;

	buf_init(&input, 1 << 16);
	buf_init(&out, 1 << 16);
	for (unsigned i = 0; i < 1000; i++)
		good = good && buf_add(&input, STR("{\"a\":"));
	CHECK(good && buf_add(&input, STR("\n{\"b\":2}\n")), "a deep nest");
	split_all(buf_str(&input), SIZE_MAX / 2, &out);
	CHECK(str_ends_nocase(buf_str(&out), STR("{\"b\":2}\n")) && out.ptr[0] == '!', "nested too deeply, and on with the next line");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(cleanup_buf) struct buf whole;
		CLEANUP(cleanup_buf) struct buf bitten;

		buf_init(&whole, 1 << 16);
		buf_init(&bitten, 1 << 16);
		split_all(str_of(cases[i].input), SIZE_MAX / 2, &whole);
		split_all(str_of(cases[i].input), 1, &bitten);
		if (!CHECK(str_eq(buf_str(&whole), str_of(cases[i].want)), cases[i].label))
			printf("# %.*s\n", (int)whole.len, whole.ptr);
		if (!CHECK(str_eq(buf_str(&whole), buf_str(&bitten)), "the same byte by byte"))
			printf("# %.*s\n", (int)bitten.len, bitten.ptr);
	}
	test_deep();
	return check_report();
}
