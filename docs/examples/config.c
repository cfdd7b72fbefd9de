/*
 * Configurations: the presets, what is detected here, what a wrong one is told, a ring that is locked down, and a log in JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <safer_ring.h>

static void print_json(const struct sr_log_event *event, void *user)
{
    char line[512];
    (void)user;
    if (sr_log_json(event, line, sizeof line) < sizeof line)
        printf("%s\n", line);
}

static void print_preset(const char *name, const struct sr_config *config)
{
    const char *field = NULL;
    if (sr_config_check(config, &field) != 0)
        printf("%-16s %s is wrong\n", name, field);
    else
        printf("%-16s %4u entries, kernel polling %d, deferred work %d, at most %u workers\n", name,
               config->entries, config->kernel_polling, config->defer_taskrun, config->max_workers);
}

/* On a ring that may only do nothing, opening a file is refused by the kernel. */
static int try_locked(void)
{
    const struct sr_restrictions restrictions = {.operations = UINT64_C(1) << IORING_OP_NOP};
    struct sr_config config = sr_config_development(); /* tells of each operation */
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_completion done;
    config.restrictions = &restrictions;
    int rc = sr_ring_open_config(&ring, &config);
    if (rc != 0)
        return rc;
    struct sr_op_spec spec = sr_spec_openat(sr_fd(AT_FDCWD), "/dev/null", O_RDONLY, 0);
    rc = sr_op_start_plain(ring, &spec, &op);
    if (rc == 0) {
        rc = sr_op_await(ring, &op, &done);
        if (rc == 0) {
            int32_t result = sr_take_plain(&done);
            printf("opening a file on it: %s\n", sr_err_name(result));
            rc = result == -EACCES ? 0 : -EIO;
        } else {
            sr_op_drop(ring, &op);
        }
    }
    int closed = sr_ring_close(&ring);
    return rc != 0 ? rc : closed;
}

int main(void)
{
    struct sr_config config = sr_config_default();
    print_preset("default", &config);
    config = sr_config_low_latency();
    print_preset("low_latency", &config);
    config = sr_config_high_throughput();
    print_preset("high_throughput", &config);
    if (sr_config_auto_detect(&config, NULL) != 0)
        return 1;
    print_preset("auto_detect", &config);
    config.completion_entries = 1;
    print_preset("wrong", &config);

    sr_set_log_events(print_json, NULL);
    int rc = try_locked();
    sr_set_log_events(NULL, NULL);
    if (rc != 0)
        fprintf(stderr, "%s\n", sr_strerror(rc));
    return rc != 0;
}
