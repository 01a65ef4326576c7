/* verbs: the options and columns of the verbs, and those that run here and not in the daemon. The table of verbs is main.c's. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

extern const struct argument user_add_arguments[], user_passwd_arguments[], tenant_arguments[], tenant_set_arguments[], user_set_arguments[];
extern const struct argument signins_arguments[], trace_arguments[], audit_arguments[], list_arguments[], tenant_filter_arguments[];
extern const struct argument rehearse_arguments[], upstream_token_arguments[], upstream_login_arguments[];
extern const struct argument rehearse_arguments[], upstream_test_arguments[];
extern const struct argument route_add_arguments[];
extern const struct argument report_arguments[], retirement_show_arguments[], retirement_set_arguments[], retirement_simulate_arguments[];
extern const struct argument notices_list_arguments[], notices_snooze_arguments[];
extern const struct argument import_entra_arguments[], import_eac_arguments[];
extern const struct argument demo_arguments[], sandbox_arguments[], config_show_arguments[];

extern const struct column tenant_columns[], user_columns[], signins_columns[], trace_columns[], audit_columns[], queue_columns[];
extern const struct column notices_columns[], notices_sent_columns[];
extern const struct column upstream_columns[], upstream_test_columns[], upstream_gauge_columns[], route_columns[], rehearse_columns[], retirement_columns[], simulate_columns[];

int verb_serve(struct cli *cli);
int verb_version(struct cli *cli);
int verb_health(struct cli *cli);
int verb_reload(struct cli *cli);
int verb_config_check(struct cli *cli);
int verb_config_show(struct cli *cli);
int verb_config_explain(struct cli *cli);
int verb_queue_cat(struct cli *cli);
int verb_cmdlet(struct cli *cli);
int verb_demo(struct cli *cli);
int verb_report(struct cli *cli);
int verb_login(struct cli *cli);
int verb_upstream_test(struct cli *cli); /* verb_probe.c */
int verb_retirement_show(struct cli *cli);
int verb_notices_show(struct cli *cli);
int verb_import_entra(struct cli *cli);
int verb_import_eac(struct cli *cli);

#endif
