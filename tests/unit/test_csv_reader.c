/* Records of CSV files, as exports and spreadsheets write them; whole, and byte by byte. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/csv_reader.h"

/* What came out: cells in <>, a record a line; "!" for a line that was none. */
static void read_all(struct str input, size_t step, char separator, struct buf *out)
{
	static struct csv_record record;
	struct arena arena;
	size_t start = 0, end = step < input.len ? step : input.len;

	arena_init(&arena, 1 << 20);
	for (;;) {
		bool at_end = end == input.len, good = true;
		const char *why = NULL;
		size_t used = 0;
		enum csv_read read = csv_read_record((struct str){ input.ptr + start, end - start }, at_end, separator, &arena, &record,
						     &used, &why);

		if (read == CSV_READ_MORE && at_end)
			break;
		if (read == CSV_READ_MORE) {
			end = end + step < input.len ? end + step : input.len;
			continue;
		}
		for (size_t i = 0; read == CSV_READ_RECORD && i < record.count; i++)
			good = good && buf_add_byte(out, '<') && buf_add(out, record.cells[i]) && buf_add_byte(out, '>');
		good = good && (read == CSV_READ_RECORD || (why && buf_add_byte(out, '!'))) && buf_add_byte(out, '\n');
		if (!good || used == 0 || used > end - start) {
			CHECK(false, "a step of reading");
			break;
		}
		start += used;
	}
	CHECK(start == input.len, "all of it is read");
	arena_free_all(&arena);
}

static const struct {
	const char *label;
	const char *input;
	char separator;
	const char *want;
} cases[] = {
	{ "plain", "a,b\r\nc,d\r\n", ',', "<a><b>\n<c><d>\n" },
	{ "bare LF", "a,b\nc,d\n", ',', "<a><b>\n<c><d>\n" },
	{ "no line end at the end", "a,b\r\nc,d", ',', "<a><b>\n<c><d>\n" },
	{ "a CR at the very end", "a,b\r", ',', "<a><b>\n" },
	{ "a quoted one and a CR at the very end", "a,\"b\"\r", ',', "<a><b>\n" },
	{ "quotes", "\"a\",\"b,c\"\r\n", ',', "<a><b,c>\n" },
	{ "doubled quotes", "\"a \"\"b\"\" c\",\"\"\"\"\r\n", ',', "<a \"b\" c><\">\n" },
	{ "empty cells", ",,\r\n\"\",\r\n", ',', "<><><>\n<><>\n" },
	{ "lines within quotes", "\"{\r\n  \"\"a\"\": 1\r\n}\",b\r\nc,d\r\n", ',', "<{\r\n  \"a\": 1\r\n}><b>\n<c><d>\n" },
	{ "a quote within a plain cell is itself", "a\"b,c\r\n", ',', "<a\"b><c>\n" },
	{ "semicolons", "a;\"b;c\";d,e\n", ';', "<a><b;c><d,e>\n" },
	{ "blank lines", "a\n\n\r\nb\n", ',', "<a>\n<>\n<>\n<b>\n" },
	{ "text behind a quote, and on with the next line", "\"a\"x,b\r\nc,d\r\n", ',', "!\n<c><d>\n" },
	{ "a quote that is never closed", "a,\"b\r\nc,d\r\n", ',', "!\n<c><d>\n" },
	{ "a CR within a cell stays", "a\rb,c\n", ',', "<a\rb><c>\n" },
};

static void test_lines(void)
{
	static struct csv_record record;
	struct arena arena;
	const char *why;
	size_t used;
	struct str input = STR("\"a\nb\",c\nd\n");

	arena_init(&arena, 1 << 20);
	CHECK(csv_read_record(input, true, ',', &arena, &record, &used, &why) == CSV_READ_RECORD && record.lines == 2 &&
		      record.line_len == 3 && used == 8,
	      "a record over two lines: where its first ends");
	arena_free_all(&arena);
}

static void test_too_many(void)
{
	CLEANUP(cleanup_buf) struct buf input;
	CLEANUP(cleanup_buf) struct buf out;
	bool good = true;

	buf_init(&input, 1 << 16);
	buf_init(&out, 1 << 16);
	for (unsigned i = 0; i < CSV_CELLS_MAX; i++)
		good = good && buf_add(&input, STR("a,"));
	CHECK(good && buf_add(&input, STR("a\nb\n")), "a long line");
	read_all(buf_str(&input), SIZE_MAX / 2, ',', &out);
	CHECK(str_eq(buf_str(&out), STR("!\n<b>\n")), "more cells than there may be");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(cleanup_buf) struct buf whole;
		CLEANUP(cleanup_buf) struct buf bitten;

		buf_init(&whole, 1 << 16);
		buf_init(&bitten, 1 << 16);
		read_all(str_of(cases[i].input), SIZE_MAX / 2, cases[i].separator, &whole);
		read_all(str_of(cases[i].input), 1, cases[i].separator, &bitten);
		if (!CHECK(str_eq(buf_str(&whole), str_of(cases[i].want)), cases[i].label))
			printf("# %.*s\n", (int)whole.len, whole.ptr);
		CHECK(str_eq(buf_str(&whole), buf_str(&bitten)), "the same byte by byte");
	}
	test_lines();
	test_too_many();
	return check_report();
}
