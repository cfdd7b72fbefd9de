/*
 * The options of `check`. Says in one line what is wrong with them.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "scenario/scenarios.h"

struct reader {
    struct sri_options *options;
    int count;
    int at;
    char **arguments;
};

static const char *value_of(struct reader *reader, const char *option)
{
    if (reader->at + 1 >= reader->count) {
        sri_complain("%s wants a value; see safer-ring --help", option);
        return NULL;
    }
    return reader->arguments[++reader->at];
}

static int number_of(struct reader *reader, const char *option, uint64_t least, uint64_t most,
                     uint64_t *number)
{
    const char *text = value_of(reader, option);
    if (text == NULL)
        return SRI_EXIT_USAGE;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || *text < '0' || *text > '9' || *end != 0 || value < least || value > most)
        return sri_complain("%s wants a number from %llu to %llu, not `%s`", option,
                            (unsigned long long)least, (unsigned long long)most, text);
    *number = value;
    return 0;
}

static int read_scenarios(struct sri_options *options, const char *list)
{
    struct sri_campaign *campaign = &options->campaign;
    campaign->scenario_count = 0;
    while (*list != 0) {
        size_t length = strcspn(list, ",");
        const struct sri_scenario *scenario = sri_scenario_named(list, length);
        if (scenario == NULL)
            return sri_complain(
                "there is no scenario `%.*s`; there are storm, copy, echo, drain, orphans, mixed, bare, streams, batch, pinned, store, shots",
                (int)length, list);
        if (campaign->scenario_count < SRI_SCENARIOS_MAX)
            campaign->scenarios[campaign->scenario_count++] = scenario;
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return campaign->scenario_count > 0
               ? 0
               : sri_complain("--scenario wants a name; there are storm, copy, echo, …");
}

static int read_backends(struct sri_options *options, const char *list)
{
    struct sri_campaign *campaign = &options->campaign;
    if (strcmp(list, "all") == 0)
        list = "sim,engine,uring";
    campaign->backend_count = 0;
    while (*list != 0) {
        size_t length = strcspn(list, ",");
        struct sri_backend_choice choice;
        if (!sri_backend_named(list, length, &choice))
            return sri_complain("there is no backend `%.*s`; there are sim, engine, uring, all", (int)length,
                                list);
        if (campaign->backend_count < SRI_BACKENDS_MAX)
            campaign->backends[campaign->backend_count++] = choice;
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return campaign->backend_count > 0 ? 0
                                       : sri_complain("--backend wants a name: sim, engine, uring or all");
}

static int read_text(struct reader *reader, const char *option, const char **text)
{
    *text = value_of(reader, option);
    return *text != NULL ? 0 : SRI_EXIT_USAGE;
}

static int read_json(struct reader *reader)
{
    reader->options->json = true;
    if (reader->at + 1 < reader->count && reader->arguments[reader->at + 1][0] != '-')
        reader->options->json_file = reader->arguments[++reader->at];
    return 0;
}

static int read_driver(struct sri_options *options, const char *name)
{
    for (int i = 0; i < SRI_DRIVINGS; i++)
        if (strcmp(name, sri_driving_names[i]) == 0) {
            options->campaign.driving = (enum sri_driving)i;
            return 0;
        }
    return sri_complain("there is no driver `%s`; there are seed, uniform, swarm, priority", name);
}

/* "2/5": the second of five, counted from 0. */
static int read_shard(struct sri_options *options, const char *text)
{
    char *end = NULL;
    unsigned long shards = 0;
    unsigned long shard = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : ULONG_MAX;
    if (end != NULL && end[0] == '/' && isdigit((unsigned char)end[1]))
        shards = strtoul(end + 1, &end, 10);
    if (end == NULL || *end != 0 || shard >= shards || shards > UINT32_MAX)
        return sri_complain("--shard wants I/N, I from 0 to N-1, not `%s`", text);
    options->campaign.shard = (uint32_t)shard;
    options->campaign.shards = (uint32_t)shards;
    return 0;
}

static int read_one(struct reader *reader)
{
    struct sri_options *options = reader->options;
    struct sri_campaign *campaign = &options->campaign;
    const char *option = reader->arguments[reader->at];
    const char *list;
    uint64_t number;
    int rc;
    options->seeds_given |= strncmp(option, "--seed", 6) == 0;
    if (strcmp(option, "--seeds") == 0)
        return number_of(reader, option, 1, UINT64_C(1) << 40, &campaign->seeds);
    if (strcmp(option, "--first") == 0)
        return number_of(reader, option, 0, UINT64_MAX >> 1, &campaign->first);
    if (strcmp(option, "--seed") == 0) {
        options->one_seed = true;
        campaign->seeds = 1;
        return number_of(reader, option, 0, UINT64_MAX >> 1, &campaign->first);
    }
    if (strcmp(option, "--jobs") == 0) {
        rc = number_of(reader, option, 1, SRI_JOBS_MAX, &number);
        campaign->jobs = rc == 0 ? (uint32_t)number : 1;
        return rc;
    }
    if (strcmp(option, "--backend") == 0)
        return (rc = read_text(reader, option, &list)) != 0 ? rc : read_backends(options, list);
    if (strcmp(option, "--scenario") == 0)
        return (rc = read_text(reader, option, &list)) != 0 ? rc : read_scenarios(options, list);
    if (strcmp(option, "--operations") == 0) {
        campaign->seeds = UINT64_C(1) << 40;
        return number_of(reader, option, 1, UINT64_C(1) << 60, &campaign->operations);
    }
    if (strcmp(option, "--driver") == 0)
        return (rc = read_text(reader, option, &list)) != 0 ? rc : read_driver(options, list);
    if (strcmp(option, "--shard") == 0)
        return (rc = read_text(reader, option, &list)) != 0 ? rc : read_shard(options, list);
    if (strcmp(option, "--file") == 0)
        return read_text(reader, option, &options->file);
    if (strcmp(option, "--tmp") == 0)
        return read_text(reader, option, &options->tmp);
    if (strcmp(option, "--tape-dir") == 0)
        return read_text(reader, option, &options->tape_dir);
    if (strcmp(option, "--json") == 0)
        return read_json(reader);
    if (strcmp(option, "--kind") == 0) {
        campaign->kind = true;
        return 0;
    }
    return sri_complain("check has no option `%s`; see safer-ring --help", option);
}

static void set_defaults(struct sri_options *options)
{
    memset(options, 0, sizeof *options);
    struct sri_campaign *campaign = &options->campaign;
    size_t count;
    const struct sri_scenario *const *all = sri_scenarios(&count);
    for (size_t i = 0; i < count && i < SRI_SCENARIOS_MAX; i++)
        campaign->scenarios[campaign->scenario_count++] = all[i];
    sri_backend_named("sim", 3, &campaign->backends[0]);
    campaign->backend_count = 1;
    campaign->first = 1;
    campaign->seeds = 200;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    campaign->jobs = processors > 0 && processors < (long)SRI_JOBS_MAX ? (uint32_t)processors : 1;
    options->tmp = getenv("TMPDIR");
    if (options->tmp == NULL || options->tmp[0] == 0)
        options->tmp = "/tmp";
    options->tape_dir = ".";
}

static int check_folder(const char *option, const char *folder)
{
    if (access(folder, W_OK | X_OK) == 0)
        return 0;
    return sri_complain("%s `%s` can't be written: %s; name another with %s DIR", "the folder", folder,
                        strerror(errno), option);
}

int sri_options_read(struct sri_options *options, int count, char **arguments)
{
    set_defaults(options);
    options->count = count;
    options->line = (const char *const *)arguments;
    struct reader reader = {options, count, 0, arguments};
    for (; reader.at < count; reader.at++) {
        int rc = read_one(&reader);
        if (rc != 0)
            return rc;
    }
    struct sri_campaign *campaign = &options->campaign;
    campaign->tape_dir = options->tape_dir;
    campaign->folder = options->tmp;
    int rc = check_folder("--tmp", options->tmp);
    return rc != 0 ? rc : check_folder("--tape-dir", options->tape_dir);
}
