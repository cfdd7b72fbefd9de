/*
 * The rules as a table: ids and one line of text each. Judges nothing.
 */
#ifndef SRI_ORACLE_RULES_H
#define SRI_ORACLE_RULES_H

enum sri_rule {
#define SRI_RULE(id, name, text) SRI_RULE_##id,
#include "oracle/rules.def"
#undef SRI_RULE
    SRI_RULE_CRASH, /* no rule: the process that ran the program died */
    SRI_RULE_HASH,  /* no rule: the same run gave another trace, a defect of the simulator */
    SRI_RULES
};

struct sri_rule_info {
    const char *name; /* as in docs/rules.md: "BUF-3" */
    const char *text;
};

extern const struct sri_rule_info sri_rule_infos[SRI_RULES];

/* Rules of docs/rules.md come before this one. */
#define SRI_RULES_WATCHED SRI_RULE_CRASH

#endif
