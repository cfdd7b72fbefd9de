/*
 * The command line that goes on where one was interrupted, as a shell takes it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "explore/report.h"

void sri_add_argument(struct sri_text *text, const char *argument)
{
    if (argument[0] != 0 && strpbrk(argument, " \t\n'\"$\\*?[]<>|&;()`#~!{}") == NULL) {
        sri_text_add(text, " %s", argument);
        return;
    }
    sri_text_add(text, " '");
    for (const char *c = argument; *c != 0; c++)
        *c == '\'' ? sri_text_add(text, "'\\''") : sri_text_add(text, "%c", *c);
    sri_text_add(text, "'");
}

/* How many arguments of the line are this option and its value; 0: it is another one. */
static int matches(const char *option, const char *const *line, int left)
{
    bool may_lack_value = option[0] == '?';
    if (strcmp(line[0], option + (may_lack_value ? 1 : 0)) != 0)
        return 0;
    return left > 1 && !(may_lack_value && line[1][0] == '-') ? 2 : 1;
}

void sri_go_on(struct sri_text *text, const char *verb, int count, const char *const *line,
               const char *const *without)
{
    sri_text_add(text, "safer-ring %s", verb);
    for (int i = 0; i < count;) {
        int skipped = 0;
        for (size_t o = 0; without[o] != NULL && skipped == 0; o++)
            skipped = matches(without[o], &line[i], count - i);
        if (skipped == 0)
            sri_add_argument(text, line[i]);
        i += skipped > 0 ? skipped : 1;
    }
}
