/*
 * `check --file`: one file copied by each backend through the library, and compared. Placeholder until below.
 */
#include "cli/cli.h"

int sri_check_file(const struct sri_options *options)
{
    return sri_complain("`%s` can't be copied", options->file);
}
