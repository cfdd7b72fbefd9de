/*
 * Probes, chooses and says why (BACK-4). It never guesses: io_uring is there when a ring could be set up.
 */
#include "backend/detect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "backend/uring.h"
#include "backend/uring_call.h"
#include "base/text.h"

#define PROBE_ENTRIES 2

static int try_io_uring(void)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    int ring = sri_uring_setup(PROBE_ENTRIES, &params);
    if (ring < 0)
        return ring;
    close(ring);
    return 0;
}

/* The beginning of a small file of /proc as a string, empty when it can't be read. */
static void read_text(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    close(fd);
}

/* The value of io_uring_disabled(sysctl), or -1 where the kernel has no such switch. */
static int sysctl_disabled(void)
{
    char text[16];
    read_text("/proc/sys/kernel/io_uring_disabled", text, sizeof text);
    return text[0] >= '0' && text[0] <= '9' ? text[0] - '0' : -1;
}

/* Does a seccomp filter apply to this thread? */
static bool is_filtered(void)
{
    char text[4096];
    read_text("/proc/thread-self/status", text, sizeof text);
    const char *line = strstr(text, "\nSeccomp:");
    return line != NULL && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
}

static void explain_permission(struct sri_detection *why)
{
    int disabled = sysctl_disabled();
    if (disabled > 0)
        sri_format(
            why->reason, sizeof why->reason,
            "io_uring_setup answers EPERM: the sysctl kernel.io_uring_disabled is %d (%s); root sets it to 0%s",
            disabled, disabled == 1 ? "refused outside its group" : "refused to everyone",
            disabled == 1 ? ", or adds the user to the group in kernel.io_uring_group" : "");
    else if (is_filtered())
        sri_format(
            why->reason, sizeof why->reason,
            "io_uring_setup answers EPERM: a seccomp filter applies, a container's for example; its profile has to allow "
            "io_uring_setup, io_uring_enter and io_uring_register");
    else
        sri_format(
            why->reason, sizeof why->reason,
            "io_uring_setup answers EPERM: no sysctl and no seccomp filter explains it; a security module may: see the kernel's log");
}

static void explain_memory(struct sri_detection *why)
{
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    sri_format(
        why->reason, sizeof why->reason,
        "io_uring_setup answers ENOMEM: RLIMIT_MEMLOCK is %llu bytes; raise it (ulimit -l, LimitMEMLOCK=)",
        (unsigned long long)limit.rlim_cur);
}

static void explain_refusal(struct sri_detection *why)
{
    switch (-why->refusal) {
    case EPERM: explain_permission(why); break;
    case ENOMEM: explain_memory(why); break;
    case ENOSYS:
        sri_format(
            why->reason, sizeof why->reason, "io_uring_setup answers ENOSYS: %s",
            is_filtered()
                ? "this kernel has no io_uring, or a seccomp filter (a container's for example) hides it: "
                  "its profile has to allow io_uring_setup, io_uring_enter and io_uring_register"
                : "this kernel has no io_uring; Linux 5.11 and later have it, unless built without");
        break;
    default:
        sri_format(why->reason, sizeof why->reason, "io_uring_setup answers %s: %s",
                   strerrorname_np(-why->refusal), strerrordesc_np(-why->refusal));
        break;
    }
}

static int choose(const char *chosen, int (*make)(struct sr_backend *out), struct sr_backend *out,
                  struct sri_detection *why)
{
    int rc = make(out);
    if (rc == 0)
        sri_format(why->chosen, sizeof why->chosen, "%s", chosen);
    else
        sri_format(why->reason, sizeof why->reason, "the backend \"%s\" can't be made: %s", chosen,
                   strerrordesc_np(-rc));
    return rc;
}

static int choose_uring(struct sr_backend *out, struct sri_detection *why)
{
    why->refusal = try_io_uring();
    if (why->refusal != 0) {
        explain_refusal(why);
        return why->refusal;
    }
    return choose("uring", sri_uring_backend, out, why);
}

static int choose_best(struct sr_backend *out, struct sri_detection *why)
{
    int rc = choose_uring(out, why);
    if (rc == 0)
        sri_format(why->reason, sizeof why->reason, "io_uring works");
    if (why->refusal == 0)
        return rc;
    size_t length = strlen(why->reason);
    sri_format(why->reason + length, sizeof why->reason - length, "; the engine takes its place");
    return choose("engine", sri_engine_host_backend, out, why);
}

static int refuse(const char *name, struct sri_detection *why)
{
    if (strcmp(name, "sim") == 0)
        sri_format(why->reason, sizeof why->reason,
                   "the backend \"sim\" is not in this library: open a simulated ring with sr_sim_ring_open");
    else
        sri_format(why->reason, sizeof why->reason,
                   "no backend \"%.40s\": the names are \"auto\", \"uring\" and \"engine\"", name);
    return -EINVAL;
}

int sri_backend_detect(const char *name, struct sr_backend *out, struct sri_detection *why)
{
    memset(why, 0, sizeof *why);
    const char *asked = name != NULL ? name : secure_getenv("SAFER_RING_BACKEND");
    const char *source = name != NULL ? "asked for by name" : "asked for by SAFER_RING_BACKEND";
    if (asked == NULL || strcmp(asked, "auto") == 0)
        return choose_best(out, why);
    if (strcmp(asked, "uring") != 0 && strcmp(asked, "engine") != 0)
        return refuse(asked, why);
    sri_format(why->reason, sizeof why->reason, "%s", source);
    if (strcmp(asked, "uring") == 0)
        return choose_uring(out, why);
    return choose("engine", sri_engine_host_backend, out, why);
}
