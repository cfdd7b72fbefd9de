/*
 * The folder that the command and a watched program share: prepared, read and removed.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/under.h"
#include "fate/whole_file.h"
#include "run/steps.h"

char *sri_under_read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rbe");
    char *text = NULL;
    size_t room = 0;
    *length = 0;
    if (file == NULL)
        return NULL;
    for (;;) {
        if (*length + 4096 > room) {
            room = 2 * room + 8192;
            char *more = sri_realloc(text, room);
            if (more == NULL)
                break;
            text = more;
        }
        size_t got = fread(text + *length, 1, room - *length - 1, file);
        *length += got;
        if (got == 0)
            break;
    }
    if (text != NULL)
        text[*length] = 0;
    fclose(file);
    return text;
}

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[SRI_UNDER_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return -errno;
    int rc = fputs(text, file) < 0 ? -EIO : 0;
    return fclose(file) == 0 ? rc : -errno;
}

static int copy_file(const char *from, const char *folder, const char *name)
{
    size_t length;
    char *text = sri_under_read_file(from, &length);
    if (text == NULL)
        return -errno;
    int rc = write_file(folder, name, text);
    sri_free(text);
    return rc;
}

static int fill(const struct sri_under *under, uint64_t seed, const char *folder)
{
    char text[512 + PATH_MAX];
    char tape[PATH_MAX] = "";
    if (under->tape != NULL && realpath(under->tape, tape) == NULL)
        return sri_complain("the tape `%s` can't be read: %s", under->tape, strerror(errno));
    size_t length = 0;
    if (under->tape != NULL)
        length += (size_t)snprintf(text, sizeof text, "tape %s\n", tape);
    else if (under->seeded)
        length += (size_t)snprintf(text, sizeof text, "seed %llu\n", (unsigned long long)seed);
    snprintf(text + length, sizeof text - length, "detect %d\ntrap %d\ndraw %d\nstall-ms %llu\n",
             under->detects, under->traps, under->trace != NULL || under->html != NULL,
             (unsigned long long)under->stall_ms);
    int rc = write_file(folder, SRI_RUN_SETTINGS, text);
    if (rc == 0)
        rc = write_file(folder, SRI_RUN_POLICY, under->policy_text);
    if (rc != 0)
        return sri_complain("the folder `%s` can't be written: %s; set TMPDIR to another place", folder,
                            strerror(-rc));
    if (under->suppress != NULL && (rc = copy_file(under->suppress, folder, SRI_RUN_SUPPRESSIONS)) != 0)
        return sri_complain("--suppress `%s` can't be read: %s", under->suppress, strerror(-rc));
    return 0;
}

int sri_under_folder_make(const struct sri_under *under, uint64_t seed, char *folder)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == 0 || strlen(parent) > 150)
        parent = "/tmp";
    snprintf(folder, SRI_UNDER_PATH, "%s/safer-ring.XXXXXX", parent);
    if (mkdtemp(folder) == NULL)
        return sri_complain("no folder can be made in `%s`: %s; set TMPDIR", parent, strerror(errno));
    int rc = fill(under, seed, folder);
    if (rc != 0)
        sri_under_folder_remove(folder);
    return rc;
}

/* What is a finding only since the program ended in failure. How many it is. */
static uint64_t add_pending(struct sri_under_outcome *outcome, const char *text)
{
    size_t had = outcome->pending != NULL ? strlen(outcome->pending) : 0;
    char *more = sri_realloc(outcome->pending, had + strlen(text) + 1);
    if (more == NULL)
        return 0;
    memcpy(more + had, text, strlen(text) + 1);
    outcome->pending = more;
    return 1;
}

static void add_page(struct sri_under_outcome *outcome, const struct sri_run_page *page)
{
    struct sri_run_page *sum = &outcome->sum;
    outcome->processes++;
    sum->rings += page->rings;
    sum->enters += page->enters;
    sum->registers += page->registers;
    sum->consumed += page->consumed;
    sum->completed += page->completed;
    sum->trapped += page->trapped;
    sum->answers += page->answers;
    sum->replayed |= page->replayed;
    sum->findings += page->findings;
    sum->suppressed += page->suppressed;
    sum->events += page->events;
    sum->hash ^= page->hash;
    for (unsigned i = 0; i < SRI_POINTS; i++)
        sum->fired[i] += page->fired[i];
    for (unsigned i = 0; i < SRI_FREEDOMS; i++)
        sum->asked[i] += page->asked[i];
    if (page->pending[0] != 0 && outcome->status != 0)
        sum->findings += add_pending(outcome, page->pending);
    if (page->rings > 0 && page->finished == 0)
        outcome->unfinished = true;
    if (sum->environment[0] == 0)
        snprintf(sum->environment, sizeof sum->environment, "%.199s", page->environment);
    if (sum->refused[0] == 0)
        snprintf(sum->refused, sizeof sum->refused, "%.199s", page->refused);
}

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name);
    return length > strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

static void read_page(const char *path, struct sri_under_outcome *outcome)
{
    size_t length;
    struct sri_run_page page;
    char *bytes = sri_under_read_file(path, &length);
    if (bytes != NULL && length == sizeof page) {
        memcpy(&page, bytes, sizeof page);
        page.pending[sizeof page.pending - 1] = 0;
        if (page.magic == SRI_RUN_MAGIC)
            add_page(outcome, &page);
    }
    sri_free(bytes);
}

/* The file outlives the folder; the last process's, when there are several. */
static int keep(const char *path, const char *as)
{
    size_t length;
    const char *doing = "reading the run's";
    char *bytes = sri_under_read_file(path, &length);
    int rc = bytes != NULL ? sri_whole_file_write(as, bytes, length, &doing) : -ENOMEM;
    sri_free(bytes);
    return rc == 0
               ? 0
               : sri_complain("the tape `%s` can't be written: %s: %s; name another with --save-tape FILE",
                              as, doing, strerror(-rc));
}

int sri_under_folder_read(const char *folder, const struct sri_under *under,
                          struct sri_under_outcome *outcome)
{
    int rc = 0;
    char path[SRI_UNDER_PATH + 256];
    size_t length;
    DIR *all = opendir(folder);
    struct dirent *entry;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (ends_in(entry->d_name, ".page"))
            read_page(path, outcome);
        if (ends_in(entry->d_name, SRI_RUN_STEPS_END))
            sri_under_drawing_keep(outcome, path);
        if (ends_in(entry->d_name, ".tape") && under->save_tape != NULL && rc == 0)
            rc = keep(path, under->save_tape);
    }
    if (all != NULL)
        closedir(all);
    snprintf(path, sizeof path, "%s/%s", folder, SRI_RUN_FINDINGS);
    outcome->findings = sri_under_read_file(path, &length);
    return rc;
}

void sri_under_folder_remove(const char *folder)
{
    char path[SRI_UNDER_PATH + 256];
    DIR *all = opendir(folder);
    struct dirent *entry;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (all != NULL)
        closedir(all);
    rmdir(folder);
}

void sri_under_outcome_fini(struct sri_under_outcome *outcome)
{
    sri_under_drawing_fini(outcome);
    sri_free(outcome->findings);
    sri_free(outcome->pending);
    outcome->findings = NULL;
    outcome->pending = NULL;
}
