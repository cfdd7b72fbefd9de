/*
 * The rules as a table. Judges nothing.
 */
#include "oracle/rules.h"

const struct sri_rule_info sri_rule_infos[SRI_RULES] = {
#define SRI_RULE(id, name, text) {name, text},
#include "oracle/rules.def"
#undef SRI_RULE
    {"CRASH", "the program ends by itself"},
    {"HASH", "the same seed gives the same trace"},
};
