#include "document/test_sample.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/resource.h"
#include "base/test.h"
#include "document/private.h"
#include "web/template.h"

int sample_main_begins(int argc, char **argv, int *code)
{
	if (argc > 1 && strcmp(argv[1], "worker") == 0) {
		*code = worker_main(argc, argv);
		return 1;
	}
	(void)unsetenv("MACHI_BIN"); /* this program is its own worker */
	return 0;
}

static int load_catalogue(void *arg, const char *path, struct str po)
{
	struct err err = {0};
	size_t n = strlen(path);
	char lang[3] = {path[n - 5], path[n - 4], '\0'};
	return i18n_load(arg, lang, path, po, &err);
}

static int template_source(
    void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	(void)arg;
	return resource_find(arena_printf(a, "templates/%s", name), out)
	           ? 0
	           : err_set(err, ERR_MISSING, NULL, "no template %s", name);
}

void sample_city(struct city *city)
{
	char dir[] = "/tmp/machi-document-XXXXXX";
	memset(city, 0, sizeof(*city));
	assert_non_null(mkdtemp(dir));
	city->id = "sample";
	city->dir = strdup(dir);
	city->demo = true;
	city->base_url = "https://city.example";
	city->settings = json_pack("{s:{s:s,s:s}}", "name", "ja", "高松市", "en", "Takamatsu City");
	city->i18n = i18n_new();
	assert_int_equal(resource_each("i18n/document.", load_catalogue, city->i18n), 0);
	city->templates = templates_new(template_source, NULL, city->i18n);
}

static void remove_tree(struct arena *a, const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		const char *inner = arena_printf(a, "%s/%s", path, e->d_name);
		if (unlink(inner) < 0)
			remove_tree(a, inner);
	}
	if (d)
		(void)closedir(d);
	(void)rmdir(path);
}

void sample_workers_end(void)
{
	worker_stop_all();
}

void sample_city_end(struct city *city)
{
	struct arena *a = arena_new();
	worker_stop_all();
	remove_tree(a, city->dir);
	arena_free(a);
	templates_free(city->templates);
	i18n_free(city->i18n);
	json_decref(city->settings);
	free((void *)(uintptr_t)city->dir);
}

const char *sample_file(struct arena *a, struct city *city, const char *name, struct str bytes)
{
	const char *keep = getenv("MACHI_KEEP");
	const char *path = arena_printf(a, "%s/%s", keep ? keep : city->dir, name);
	struct err err = {0};
	assert_int_equal(file_write(path, bytes, 0600, &err), 0);
	return path;
}

struct str sample_run(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *command = arena_vprintf(a, fmt, ap);
	va_end(ap);
	FILE *f = popen(command, "r");
	struct buf b;
	char part[4096];
	size_t n;
	assert_non_null(f);
	buf_init(&b, a);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, part, n);
	int code = pclose(f);
	if (code != 0)
		print_error("%s: %d\n%.*s\n", command, code, (int)b.n, b.p ? b.p : "");
	assert_int_equal(code, 0);
	buf_puts(&b, "");
	return buf_to_str(&b);
}

static json_t *parse(const char *text)
{
	json_error_t why;
	json_t *v = json_loads(text, 0, &why);
	if (!v)
		fail_msg("line %d: %s", why.line, why.text);
	return v;
}

static const char common[] =
    "{\"number\":\"高生衛第123号\",\"date_text\":\"令和8年11月21日\",\"seal\":true,"
    "\"to\":[\"〒760-0017\",\"高松市番町一丁目8番15号 サンプルハイツ 203号室\",\"見本　太郎　様\"],"
    "\"from\":[\"高松市長　見本　花子\"],"
    "\"contact\":[\"高松市 健康福祉局 生活衛生課\",\"電話 087-000-0000\",\"平日 8:30〜17:15\"],"
    "\"code_text\":\"7K2M-9QXD-41VB-T8ZR\",\"verify_page\":\"https://city.example/verify\","
    "\"verify_url\":\"https://city.example/verify/7K2M9QXD41VBT8ZR\",\"watermark\":\"\"}";

static const struct {
	const char *name, *json;
} views[] = {
    {"certificate",
        "{\"title\":\"課税（非課税）証明書\",\"certify\":true,\"to\":[],\"contact\":[],"
        "\"number\":\"高市税第1045号\",\"rows\":["
        "{\"label\":\"住所\",\"value\":\"高松市番町一丁目8番15号 サンプルハイツ 203号室\"},"
        "{\"label\":\"氏名\",\"value\":\"見本　太郎\"},{\"label\":\"生年月日\",\"value\":"
        "\"昭和63年4月2日\"},"
        "{\"label\":\"年度\",\"value\":\"令和8年度（令和7年1月1日から12月31日までの所得）\"},"
        "{\"label\":\"合計所得金額\",\"value\":\"3,256,000円\"},"
        "{\"label\":\"所得控除の合計\",\"value\":\"1,420,000円\"},"
        "{\"label\":\"課税標準額\",\"value\":\"1,836,000円\"},"
        "{\"label\":\"市民税・県民税 年税額\",\"value\":\"183,600円（市民税 110,100円、県民税 "
        "73,500円）\"}],"
        "\"notes\":[\"この証明書は、証明日現在の課税台帳の記載によるものです。\","
        "\"扶養親族の人数は、配偶者を含みません。\"]}"},
    {"decision",
        "{\"title\":\"犬の登録決定通知書\","
        "\"body\":["
        "\"令和8年11月1日付けで申請のあった犬の登録については、次のとおり登録しましたので、狂犬病予"
        "防法第4条第2項の規定により、鑑札を交付するとともに通知します。\"],"
        "\"rows\":[{\"label\":\"登録番号\",\"value\":\"2026-004512\"},{\"label\":\"犬の名前\","
        "\"value\":\"ポチ\"},"
        "{\"label\":\"種類\",\"value\":\"柴犬\"},{\"label\":\"毛色\",\"value\":\"赤\"},{\"label\":"
        "\"性別\",\"value\":\"雄\"},"
        "{\"label\":\"マイクロチップ番号\",\"value\":\"392141000000000\"}],"
        "\"notes\":[\"鑑札は、犬の首輪などに必ず付けてください。\","
        "\"犬が死亡したとき、または住所が変わったときは、30日以内に届け出てください。届出は、インタ"
        "ーネットでもできます。\"]}"},
    {"refusal", "{\"title\":\"公文書不開示決定通知書\",\"number\":\"高総第87号\","
                "\"body\":["
                "\"令和8年11月4日付けで請求のあった公文書については、高松市情報公開条例第11条第2項"
                "の規定により、"
                "次の理由で開示しないことと決定しましたので通知します。\"],"
                "\"reason\":["
                "\"請求に係る公文書には、特定の個人を識別することができる情報が記載されており、条例"
                "第7条第2号（個人に関する情報）に"
                "該当します。\","
                "\"氏名等を除いた部分だけを開示しても、ほかの情報と照合することにより、個人を識別す"
                "ることができるためです。\"],"
                "\"rows\":[{\"label\":\"請求のあった公文書\",\"value\":"
                "\"令和7年度における○○の利用者名簿\"},"
                "{\"label\":\"請求の受付日\",\"value\":\"令和8年11月4日\"}],"
                "\"appeal\":[\"1 "
                "この決定に不服があるときは、この決定があったことを知った日の翌日から起算して3か月"
                "以内に、高松市長に対して審"
                "査請求をすることができます（決定の日の翌日から起算して1年を経過すると、できなくな"
                "ります。）。\","
                "\"2 "
                "この決定の取消しの訴えは、この決定があったことを知った日の翌日から起算して6か月以"
                "内に、高松市を被告として（市長が被告の代"
                "表者となります。）、提起することができます（決定の日の翌日から起算して1年を経過す"
                "ると、できなくなります。）。\","
                "\"3 "
                "審査請求をした場合は、その裁決があったことを知った日の翌日から起算して6か月以内に"
                "、取消しの訴えを提起することができます。\"]}"},
    {"receipt",
        "{\"title\":\"申請受付票\",\"receipt_number\":\"7Q3K-41MX-9\",\"status_url\":"
        "\"https://city.example/applications/12\",\"seal\":false,"
        "\"body\":[\"次の申請を受け付けました。\"],\"rows\":[{\"label\":\"手続\",\"value\":"
        "\"犬の登録\"},"
        "{\"label\":\"申請した日時\",\"value\":\"令和8年11月21日 "
        "9:30\"},{\"label\":\"担当課\",\"value\":\"生活衛生課\"},"
        "{\"label\":\"処理の目安\",\"value\":\"14日以内（令和8年12月5日まで）\"},{\"label\":"
        "\"手数料\",\"value\":\"3,000円\"}],"
        "\"notes\":[\"これは受け付けたことをお知らせするもので、決定の通知ではありません。\"],"
        "\"from\":[\"高松市 健康福祉局 生活衛生課\"]}"},
    {"application",
        "{\"title\":\"犬の登録 "
        "申請書\",\"receipt_number\":\"7Q3K-41MX-9\",\"to\":[\"（宛先）高松市長\"],"
        "\"rows\":[{\"label\":\"到達番号\",\"value\":\"7Q3K-41MX-9\"},{\"label\":\"申請した日時\","
        "\"value\":\"令和8年11月21日 "
        "9:30\"}],"
        "\"sections\":[{\"title\":\"飼い主について\",\"rows\":[{\"label\":\"氏名\",\"value\":"
        "\"見本 太郎\"},"
        "{\"label\":\"フリガナ\",\"value\":\"ミホン "
        "タロウ\"},{\"label\":\"住所\",\"value\":\"〒760-0017\\n高松市番町一丁目8番15号\"}]},"
        "{\"title\":\"犬について\",\"groups\":[{\"title\":\"1頭目\",\"rows\":[{\"label\":\"名前\","
        "\"value\":\"ポチ\"},"
        "{\"label\":\"種類\",\"value\":\"柴犬\"}]},{\"title\":\"2頭目\",\"rows\":[{\"label\":"
        "\"名前\",\"value\":\"ハナ\"},"
        "{\"label\":\"種類\",\"value\":\"雑種\"}]}]}]}"},
    {"paper",
        "{\"title\":\"犬の登録 "
        "申請書\",\"to\":[\"（宛先）高松市長\"],\"procedure\":\"dog-registration\",\"version\":"
        "\"0123456789abcdef\","
        "\"apply_url\":\"https://city.example/procedures/dog-registration\","
        "\"body\":[\"狂犬病予防法第4条第1項の規定により、次のとおり申請します。\"],"
        "\"sections\":[{\"title\":\"飼い主について\",\"help\":"
        "\"犬を飼う人の名前と住所を書いてください。\",\"fields\":["
        "{\"type\":\"name\",\"label\":\"氏名\",\"required\":true,\"parts\":{\"family\":{\"label\":"
        "\"姓\"},\"given\":{\"label\":\"名\"}}},"
        "{\"type\":\"furigana\",\"label\":\"フリガナ\",\"required\":true,\"parts\":{\"family\":{"
        "\"label\":\"セイ\"},\"given\":{\"label\":\"メイ\"}}"
        "},"
        "{\"type\":\"date\",\"label\":\"生年月日\",\"required\":true,\"parts\":{\"era\":{"
        "\"options\":[{\"label\":\"令和\"},{\"label\":\"平成\"},{"
        "\"label\":\"昭和\"},{\"label\":\"大正\"},{\"label\":\"西暦\"}]}}},"
        "{\"type\":\"address\",\"label\":\"住所\",\"required\":true},{\"type\":\"phone\",\"label\":"
        "\"電話番号\"},"
        "{\"type\":\"my_number\",\"label\":\"個人番号\"},"
        "{\"type\":\"bank_account\",\"label\":\"振込先\",\"parts\":{\"bank\":{\"label\":"
        "\"金融機関\"},\"branch\":{\"label\":\"支店\"},"
        "\"kind\":{\"label\":\"種別\",\"options\":[{\"label\":\"普通\"},{\"label\":\"当座\"},{"
        "\"label\":\"貯蓄\"}]},"
        "\"number\":{\"label\":\"口座番号\"},\"holder\":{\"label\":\"口座名義（カタカナ）\"}}}]},"
        "{\"title\":\"犬について\",\"rows\":[{\"title\":\"1頭目\",\"fields\":[{\"type\":\"text\","
        "\"label\":\"名前\",\"required\":true},"
        "{\"type\":\"choice\",\"label\":\"性別\",\"required\":true,\"options\":[{\"label\":\"雄\"},"
        "{\"label\":\"雌\"}]},"
        "{\"type\":\"date\",\"label\":\"生年月日\"},{\"type\":\"number\",\"label\":\"体重\","
        "\"unit\":\"kg\"}]}]},"
        "{\"title\":\"そのほか\",\"fields\":[{\"type\":\"multi_choice\",\"label\":\"予防接種\","
        "\"options\":[{\"label\":\"狂犬病\"},{\"label\":"
        "\"混合ワクチン\"},{\"label\":\"受けていない\"}]},"
        "{\"type\":\"yes_no\",\"label\":\"マイクロチップが入っていますか\",\"required\":true},"
        "{\"type\":\"text\",\"label\":\"特徴\",\"rows\":4},{\"type\":\"file\",\"label\":\"写真\","
        "\"condition\":true},"
        "{\"type\":\"consent\",\"label\":\"住民登録を確認することに同意する\",\"required\":true}]}]"
        "}"},
};

/* Rows and tables that do not fit on one page, a row that is longer than a page. */
static json_t *long_view(void)
{
	json_t *view = parse("{\"title\":\"長い文書\",\"rows\":[],\"tables\":[{\"title\":\"明細\","
	                     "\"columns\":[{\"label\":\"番号\","
	                     "\"width\":1,\"align\":\"right\"},{\"label\":\"品名\",\"width\":4},{"
	                     "\"label\":\"金額\",\"width\":2,\"align\":"
	                     "\"right\"}],\"rows\":[]}]}");
	json_t *rows = json_object_get(json_array_get(json_object_get(view, "tables"), 0), "rows");
	for (int i = 1; i <= 120; i++) {
		char number[16], money[32];
		(void)snprintf(number, sizeof(number), "%d", i);
		(void)snprintf(money, sizeof(money), "%d,000円", i);
		json_array_append_new(rows, json_pack("[s,s,s]", number, "明細の品名", money));
	}
	struct buf b = {0};
	for (int i = 1; i <= 400; i++)
		buf_printf(&b, "長い自由記述の%d行目です。", i);
	json_array_append_new(json_object_get(view, "rows"),
	    json_pack("{s:s,s:s}", "label", "自由記述", "value", b.p));
	buf_free(&b);
	return view;
}

json_t *sample_view(const char *name)
{
	json_t *view = strcmp(name, "long") == 0 ? long_view() : NULL;
	for (size_t i = 0; i < COUNT(views) && !view; i++)
		if (strcmp(views[i].name, name) == 0)
			view = parse(views[i].json);
	assert_non_null(view);
	json_t *base = parse(common);
	json_object_update_missing(view, base);
	json_decref(base);
	return view;
}
