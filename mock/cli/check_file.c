/*
 * `check --file`: one file copied through the library by each backend, and compared with what was read. Never writes a
 * file that has a name, so that nothing half-written is left whatever happens.
 */
#define SR_NO_OWNERSHIP_ANALYSIS /* arrays of handles, which the analysis does not follow */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/copy.h"
#include "explore/report.h"

#define COMPARE_BYTES ((size_t)1 << 20)
#define WINDOW_BYTES \
    ((size_t)32 << 20) /* of a large file, so much at a time is brought into the simulated disk */

struct subject {
    const struct sri_options *options;
    int fd;
    uint64_t size;
    struct sri_copied done;
};

/* Reads a whole piece, or says what is in the way. */
static int read_piece(const struct subject *subject, uint64_t offset, void *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t moved = pread(subject->fd, (char *)bytes + have, size - have, (off_t)(offset + have));
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return sri_complain("`%s` can't be read at byte %llu: %s", subject->options->file,
                                (unsigned long long)(offset + have),
                                moved < 0 ? strerror(errno) : "it has become shorter");
        have += (size_t)moved;
    }
    return 0;
}

static int complain_of_copy(const struct subject *subject, const char *backend,
                            const struct sri_copy_error *error)
{
    const struct sri_options *options = subject->options;
    if (error->code == -ENOSPC || error->code == -EDQUOT)
        return sri_complain("`%s` has no room for a copy of %llu bytes; name another folder with --tmp DIR",
                            options->tmp, (unsigned long long)subject->size);
    return sri_complain("%s: %s failed at byte %llu: %s", backend, error->doing,
                        (unsigned long long)error->offset, sr_strerror(error->code));
}

/* A file without a name in the folder for such things. */
static int open_target(const struct subject *subject)
{
    const char *folder = subject->options->tmp;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        char name[4096];
        snprintf(name, sizeof name, "%s/safer-ring-XXXXXX", folder);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0) {
        sri_complain("no file can be made in `%s`: %s; name another folder with --tmp DIR", folder,
                     strerror(errno));
        return -1;
    }
    if (subject->size > 0 && fallocate(fd, 0, 0, (off_t)subject->size) != 0 &&
        (errno == ENOSPC || errno == EDQUOT)) {
        struct sri_copy_error error = {-ENOSPC, "", 0};
        complain_of_copy(subject, "", &error);
        close(fd);
        return -1;
    }
    return fd;
}

/* 0 equal, 1 not (and said), 2 unreadable. */
static int compare_files(const struct subject *subject, int target, const char *backend)
{
    struct stat status;
    uint8_t *bytes = sri_alloc(2 * COMPARE_BYTES);
    if (bytes == NULL || fstat(target, &status) != 0) {
        sri_free(bytes);
        return sri_complain("no memory to compare the copy");
    }
    int rc = (uint64_t)status.st_size == subject->size ? 0 : 1;
    uint64_t at = 0;
    while (rc == 0 && at < subject->size) {
        size_t size = subject->size - at < COMPARE_BYTES ? (size_t)(subject->size - at) : COMPARE_BYTES;
        struct subject copy = *subject;
        copy.fd = target;
        rc = read_piece(subject, at, bytes, size);
        if (rc == 0)
            rc = read_piece(&copy, at, bytes + COMPARE_BYTES, size);
        if (rc == 0 && memcmp(bytes, bytes + COMPARE_BYTES, size) != 0)
            rc = 1;
        at += size;
    }
    sri_free(bytes);
    if (rc == 1)
        printf("VIOLATION BACK-1: %s: the copy differs, near byte %llu\n", backend, (unsigned long long)at);
    return rc;
}

static int copy_on_host(struct subject *subject, const struct sri_backend_choice *choice)
{
    struct sri_kernel kernel;
    int rc = choice->make(&kernel);
    if (rc != 0)
        return sri_complain(
            "this machine refuses the backend %s (%s); `safer-ring doctor` says why, --backend sim works "
            "without",
            choice->name, strerror(-rc));
    int code = SRI_EXIT_USAGE;
    int target = open_target(subject);
    if (target >= 0) {
        struct sri_copy_error error;
        rc = sri_copy(&kernel.backend, subject->fd, target, subject->size, &subject->done, &error);
        code = rc != 0 ? complain_of_copy(subject, choice->name, &error)
                       : compare_files(subject, target, choice->name);
        close(target);
    }
    choice->release(&kernel);
    return code;
}

/* One window of the file, in a simulation of its own. */
static int copy_window(struct subject *subject, struct sr_sim *sim, uint64_t offset, size_t size,
                       uint8_t *bytes)
{
    int from = -1;
    int to = -1;
    size_t length = 0;
    struct sri_copy_error error = {-ENOMEM, "making the simulated files", offset};
    int rc = read_piece(subject, offset, bytes, size);
    if (rc != 0)
        return rc;
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND | SR_SIM_NO_TRACE;
    options.disk_bytes = 4 * WINDOW_BYTES;
    rc = sr_sim_reset(sim, &options);
    if (rc == 0)
        rc = sr_sim_file(sim, "/source", bytes, size);
    if (rc == 0)
        rc = sr_sim_open(sim, "/source", O_RDONLY, &from);
    if (rc == 0)
        rc = sr_sim_open(sim, "/copy", O_RDWR | O_CREAT, &to);
    if (rc == 0) {
        struct sr_backend backend = sr_sim_backend(sim);
        rc = sri_copy(&backend, from, to, size, &subject->done, &error);
        error.offset += offset;
    }
    if (rc == 0)
        rc = error.code = sr_sim_file_content(sim, "/copy", bytes + WINDOW_BYTES, size, &length);
    if (rc != 0) {
        error.code = rc;
        return complain_of_copy(subject, "sim", &error);
    }
    if (length == size && memcmp(bytes, bytes + WINDOW_BYTES, size) == 0)
        return 0;
    printf("VIOLATION BACK-1: sim: the copy differs, near byte %llu\n", (unsigned long long)offset);
    return SRI_EXIT_VIOLATION;
}

static int copy_simulated(struct subject *subject)
{
    struct sr_sim *sim = NULL;
    uint8_t *bytes = sri_alloc(2 * WINDOW_BYTES);
    if (bytes == NULL || sr_sim_new(&sim, NULL) != 0) {
        sri_free(bytes);
        return sri_complain("no memory for a simulated disk");
    }
    int code = 0;
    uint64_t at = 0;
    do {
        uint64_t left = subject->size - at;
        size_t size = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        code = copy_window(subject, sim, at, size, bytes);
        at += size;
    } while (code == 0 && at < subject->size);
    sr_sim_free(&sim);
    sri_free(bytes);
    return code;
}

static int open_subject(struct subject *subject)
{
    struct stat status;
    const char *path = subject->options->file;
    subject->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (subject->fd < 0)
        return sri_complain("`%s` can't be read: %s; name another file with --file PATH", path,
                            strerror(errno));
    if (fstat(subject->fd, &status) == 0 && S_ISREG(status.st_mode)) {
        subject->size = (uint64_t)status.st_size;
        return 0;
    }
    close(subject->fd);
    return sri_complain("`%s` is not a regular file; name one with --file PATH", path);
}

static void add_json(struct sri_text *out, const struct subject *subject, const char *backend, int code,
                     uint64_t ns, bool first)
{
    sri_text_add(out,
                 "%s{\"backend\":\"%s\",\"bytes\":%llu,\"operations\":%llu,\"equal\":%s,\"elapsed_ns\":%llu}",
                 first ? "\n " : ",\n ", backend, (unsigned long long)subject->size,
                 (unsigned long long)subject->done.operations, code == 0 ? "true" : "false",
                 (unsigned long long)ns);
}

int sri_check_file(const struct sri_options *options)
{
    struct subject subject = {.options = options};
    int code = open_subject(&subject);
    if (code != 0)
        return code;
    struct sri_text json = {0};
    sri_text_add(&json, "{\"copies\":[");
    for (uint32_t i = 0; i < options->campaign.backend_count && code != SRI_EXIT_USAGE; i++) {
        const struct sri_backend_choice *choice = &options->campaign.backends[i];
        uint64_t began = sri_clock_ns();
        memset(&subject.done, 0, sizeof subject.done);
        int rc = choice->simulated ? copy_simulated(&subject) : copy_on_host(&subject, choice);
        uint64_t elapsed = sri_clock_ns() - began;
        code = rc > code ? rc : code;
        add_json(&json, &subject, choice->name, rc, elapsed, i == 0);
        if (rc == 0 && !options->json)
            printf("%-8s %llu bytes copied by %llu operations and compared: equal (%llu ms)\n", choice->name,
                   (unsigned long long)subject.size, (unsigned long long)subject.done.operations,
                   (unsigned long long)(elapsed / 1000000));
    }
    sri_text_add(&json, "\n]}\n");
    if (options->json && code != SRI_EXIT_USAGE)
        fputs(json.text != NULL ? json.text : "", stdout);
    sri_text_fini(&json);
    close(subject.fd);
    return code;
}
