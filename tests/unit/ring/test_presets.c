/*
 * Every field of a configuration does something that can be seen: presets, kernel polling, restrictions, checks of
 * development, and what a kernel lacks is done without and said (BACK-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "safer_ring/log.h"
#include "safer_ring/sim.h"
#include "stream_fixture.h"

static const char *const backends[] = {"uring", "engine"};

static char said[4000];

static void note(enum sr_log_level level, const char *text, void *user)
{
    (void)user;
    if (level != SR_LOG_INFO && strlen(said) + strlen(text) + 2 < sizeof said)
        strcat(strcat(said, text), "\n");
}

/* A ring on one of this machine's kernels, or NULL where it can't be had. */
static struct sr_ring *open_on(const char *backend, struct sr_config config)
{
    struct sr_ring *ring = NULL;
    config.backend_name = backend;
    int rc = sr_ring_open_config(&ring, &config);
    if (rc != 0)
        print_message("%s: %s\n", backend, sr_err_name(rc));
    return ring;
}

static struct sr_stats stats_of_ring(struct sr_ring *ring)
{
    struct sr_stats stats;
    assert_int_equal(sr_ring_stats(ring, &stats), 0);
    return stats;
}

/* Presets and the detected configuration pass their own check; each wrong field is named. */
static void every_preset_passes_and_each_wrong_field_is_named(void **state)
{
    (void)state;
    struct sr_config found;
    assert_int_equal(sr_config_auto_detect(&found, NULL), 0);
    const struct sr_config presets[] = {sr_config_default(), sr_config_low_latency(),
                                        sr_config_high_throughput(), sr_config_development(), found};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sr_config_check(&presets[i], NULL), 0);

    struct sr_config config = sr_config_default();
    const char *field = NULL;
    config.polling_idle_ms = SR_POLLING_IDLE_MS_MAX + 1;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "polling_idle_ms");
    config = sr_config_default();
    config.polling_cpu = -2;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "polling_cpu");
    config = sr_config_default();
    config.max_workers = 65536;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "max_workers");
}

/* A thousand operations, eight at a time, each awaited; their buffers come back whole. */
static void work(struct sr_ring *ring, uint32_t count)
{
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (uint32_t i = 0; i < count; i += 8) {
        struct sr_op ops[8];
        for (int k = 0; k < 8; k++) {
            struct sr_buffer *buffer;
            assert_int_equal(sr_buffer_new(&buffer, 100), 0);
            assert_int_equal(sr_read_owned(ring, sr_fd(fd), &buffer, &ops[k]), 0);
        }
        assert_int_equal(sr_ring_submit(ring), 0);
        for (int k = 0; k < 8; k++) {
            struct sr_completion done;
            struct sr_buffer *buffer;
            assert_int_equal(sr_op_await(ring, &ops[k], &done), 0);
            assert_int_equal(sr_take(&done, &buffer), 100);
            assert_int_equal(sr_buffer_release(&buffer), 0);
        }
    }
    close(fd);
}

/* low_latency: the kernel polls, and while its thread is awake submitting enters nothing. */
static void kernel_polling_submits_without_entering(void **state)
{
    (void)state;
    struct sr_config config = sr_config_low_latency();
    config.polling_idle_ms = 1000;
    struct sr_ring *ring = open_on("uring", config);
    if (ring == NULL)
        skip();
    struct sr_op op;
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 50; i++) {
        struct sr_completion done;
        assert_int_equal(sr_nop(ring, &op), 0);
        uint64_t before = stats_of_ring(ring).enters;
        assert_int_equal(sr_ring_submit(ring), 0);
        uint64_t entered = stats_of_ring(ring).enters - before;
        least = entered < least ? entered : least;
        assert_int_equal(sr_op_await(ring, &op, &done), 0);
        assert_int_equal(sr_take_plain(&done), 0);
    }
    assert_int_equal(least, 0);
    work(ring, 1000);
    assert_int_equal(sr_ring_close(&ring), 0);
}

/* What a polling thread was shown can't be taken back: a drop makes an orphan, and nothing is withdrawn (ORPH-2). */
static void what_is_published_counts_as_submitted(struct place *place)
{
    struct sr_config config = sr_config_low_latency();
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_buffer *buffer;
    int fds[2];
    config.backend = &place->backend;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    place->objects->pipe(place->self, fds);
    assert_int_equal(sr_buffer_new(&buffer, 10), 0);
    assert_int_equal(sr_read_owned(ring, sr_fd(fds[0]), &buffer, &op), 0);
    assert_int_equal(sr_ring_submit(ring), 0);

    sr_op_drop(ring, &op);

    assert_int_equal(sr_ring_orphan_count(ring), 1);
    assert_int_equal(stats_of_ring(ring).withdrawn, 0);
    assert_int_equal(stats_of_ring(ring).submitted, 1);
    assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
    assert_int_equal(sr_nop(ring, &op), 0);
    sr_op_drop(ring, &op); /* not shown yet: it can be */
    assert_int_equal(stats_of_ring(ring).withdrawn, 1);
    assert_int_equal(sr_ring_close(&ring), 0);
    place->objects->close(place->self, fds[0]);
    place->objects->close(place->self, fds[1]);
}

static void a_polling_thread_keeps_what_it_was_shown(void **state)
{
    (void)state;
    on_each_kernel(what_is_published_counts_as_submitted);
}

/* A queue of two places and a polling thread: room is waited for, and nothing is lost. */
static void room_comes_as_the_thread_takes(struct place *place)
{
    struct sr_config config = sr_config_low_latency();
    struct sr_ring *ring;
    config.backend = &place->backend;
    config.entries = 2;
    config.max_in_flight = 64;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    struct sr_op ops[64];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 64; i++)
            assert_int_equal(sr_nop(ring, &ops[i]), 0);
        for (int i = 0; i < 64; i++) {
            struct sr_completion done;
            assert_int_equal(sr_op_await(ring, &ops[i], &done), 0);
            assert_int_equal(sr_take_plain(&done), 0);
        }
    }
    assert_int_equal(sr_ring_close(&ring), 0);
}

static void a_small_queue_is_waited_for(void **state)
{
    (void)state;
    on_each_kernel(room_comes_as_the_thread_takes);
}

/* A kernel without polling, then without deferred work as well: the ring works, and the log says what it lacks. */
static void what_a_kernel_lacks_is_done_without_and_said(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND;
    options.hidden_setup_flags = IORING_SETUP_SQPOLL | IORING_SETUP_DEFER_TASKRUN;
    assert_int_equal(sr_sim_new(&sim, &options), 0);
    struct sr_backend backend = sr_sim_backend(sim);
    struct sr_config config = sr_config_low_latency();
    config.backend = &backend;
    said[0] = '\0';
    sr_set_log(note, NULL);

    assert_int_equal(sr_ring_open_config(&ring, &config), 0);

    sr_set_log(NULL, NULL);
    assert_non_null(strstr(said, "no kernel polling (SQPOLL)"));
    assert_non_null(strstr(said, "no DEFER_TASKRUN"));
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_nop(ring, &op), 0);
    assert_int_equal(sr_op_await(ring, &op, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* high_throughput: two thousand operations go with one enter. */
static void large_batches_go_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sr_ring *ring = open_on(backends[i], sr_config_high_throughput());
        if (ring == NULL)
            continue;
        for (int k = 0; k < 2000; k++) {
            struct sr_op_spec nop = sr_spec_nop();
            assert_int_equal(sr_op_start_detached(ring, &nop, NULL, NULL), 0);
        }
        uint64_t before = stats_of_ring(ring).enters;
        assert_int_equal(sr_ring_submit(ring), 0);
        assert_int_equal(stats_of_ring(ring).enters - before, 1);
        assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
    }
}

/* A ring that is locked down to reading and polling does these and nothing else; cancels still work. */
static void locked(struct place *place)
{
    const struct sr_restrictions restrictions = {.operations = UINT64_C(1) << IORING_OP_READ};
    struct sr_config config = sr_config_default();
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_completion done;
    struct sr_buffer *buffer;
    config.backend = &place->backend;
    config.restrictions = &restrictions;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    int fd = place->objects->file(place->self, "abc");
    int fds[2];
    place->objects->pipe(place->self, fds);

    assert_int_equal(sr_buffer_new(&buffer, 10), 0);
    assert_int_equal(sr_read_at_owned(ring, sr_fd(fd), &buffer, 0, &op), 0);
    assert_int_equal(sr_op_await(ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), 3);
    assert_int_equal(sr_write_at_owned(ring, sr_fd(fd), &buffer, 0, 3, &op), 0);
    assert_int_equal(sr_op_await(ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -EACCES);
    assert_int_equal(sr_read_owned(ring, sr_fd(fds[0]), &buffer, &op), 0);
    assert_int_equal(sr_ring_submit(ring), 0);
    assert_int_equal(sr_op_cancel(ring, &op), 0);
    assert_int_equal(sr_op_await(ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -ECANCELED);

    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    place->objects->close(place->self, fd);
    place->objects->close(place->self, fds[0]);
    place->objects->close(place->self, fds[1]);
}

static void a_locked_ring_does_what_is_named(void **state)
{
    (void)state;
    on_each_kernel(locked);
}

/* A kernel that can't lock a ring down opens none: a restriction is never dropped. */
static void a_lock_that_fails_opens_nothing(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring = NULL;
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND;
    options.hidden_registrations = UINT64_C(1) << IORING_REGISTER_RESTRICTIONS;
    assert_int_equal(sr_sim_new(&sim, &options), 0);
    struct sr_backend backend = sr_sim_backend(sim);
    const struct sr_restrictions restrictions = {.operations = 1};
    struct sr_config config = sr_config_default();
    config.backend = &backend;
    config.restrictions = &restrictions;

    assert_int_equal(sr_ring_open_config(&ring, &config), -EINVAL);

    assert_null(ring);
    sr_sim_free(&sim);
}

/* The limit of workers reaches the kernel: asked again, it answers what was set. */
static void the_limit_of_workers_is_set(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    struct place place = {0};
    uint32_t counts[2] = {0, 0};
    config.max_workers = 3;
    if (conform_uring.open(&place.backend, &place.objects, &place.self) != 0)
        skip();
    config.backend = &place.backend;
    assert_int_equal(sr_ring_open_config(&place.ring, &config), 0);
    /* The only ring there is: the one descriptor that answers. */
    int fd = dup(0);
    assert_true(fd > 0);
    close(fd);
    int rc = -EBADF;
    for (int ring = 3; ring < fd + 8 && rc < 0; ring++)
        rc = place.backend.vtable->register_(place.backend.self, ring, IORING_REGISTER_IOWQ_MAX_WORKERS,
                                             counts, 2);
    assert_int_equal(rc, 0);
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 3);
    assert_int_equal(sr_ring_close(&place.ring), 0);
    conform_uring.close(&place.backend, place.self);
}

/* development: bytes changed while they were lent are counted and told, on every kernel; unchanged ones are not. */
static void touched(struct place *place)
{
    struct sr_config config = sr_config_development();
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_completion done;
    struct sr_buffer *buffer;
    config.backend = &place->backend;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    int fd = place->objects->file(place->self, "");
    for (int round = 0; round < 2; round++) {
        struct sr_guard guard;
        uint8_t *bytes;
        assert_int_equal(sr_buffer_copy_of(&buffer, "abc", 3), 0);
        assert_int_equal(sr_buffer_try_access(&buffer, &guard), 0);
        bytes = sr_guard_bytes(&guard); /* kept beyond the guard: the mistake */
        sr_guard_end(&guard, &buffer);
        assert_int_equal(sr_write_at_owned(ring, sr_fd(fd), &buffer, 0, 3, &op), 0);
        if (round == 1)
            bytes[1] = 'X';
        said[0] = '\0';
        sr_set_log(note, NULL);
        assert_int_equal(sr_op_await(ring, &op, &done), 0);
        assert_int_equal(sr_take(&done, &buffer), 3);
        sr_set_log(NULL, NULL);
        assert_int_equal(stats_of_ring(ring).touched, round);
        assert_true((strstr(said, "were changed while they were lent") != NULL) == (round == 1));
        assert_int_equal(sr_buffer_release(&buffer), 0);
    }
    assert_int_equal(sr_ring_close(&ring), 0);
    place->objects->close(place->self, fd);
}

static void bytes_changed_in_flight_are_told(void **state)
{
    (void)state;
    on_each_kernel(touched);
}

/* What is probed here is true of this machine; what is detected for another follows from its numbers. */
static void a_configuration_follows_the_machine(void **state)
{
    (void)state;
    struct sr_system here;
    struct sr_config config;
    assert_int_equal(sr_system_probe(&here), 0);
    assert_in_range(here.cpus, 1, 4096);
    assert_in_range(here.numa_nodes, 1, 1024);
    assert_true(here.memory_bytes > 1 << 20);
    if (here.io_uring == 0)
        assert_true((here.operations[0] >> IORING_OP_READ & 1) != 0);

    struct sr_system big = {.setup_flags = IORING_SETUP_DEFER_TASKRUN,
                            .cpus = 64,
                            .numa_nodes = 2,
                            .memory_bytes = UINT64_C(1) << 38,
                            .lockable_bytes = UINT64_MAX};
    assert_int_equal(sr_config_auto_detect(&config, &big), 0);
    assert_int_equal(config.entries, 1024);
    assert_int_equal(config.max_workers, 32);
    assert_true(config.defer_taskrun);
    struct sr_system small = {.io_uring = -ENOSYS,
                              .cpus = 1,
                              .numa_nodes = 1,
                              .memory_bytes = UINT64_C(1) << 25,
                              .lockable_bytes = 65536};
    assert_int_equal(sr_config_auto_detect(&config, &small), 0);
    assert_int_equal(config.entries, 32);
    assert_false(config.defer_taskrun);
    assert_int_equal(sr_config_check(&config, NULL), 0);
    assert_int_equal(sr_config_auto_detect(NULL, &small), -EINVAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_preset_passes_and_each_wrong_field_is_named),
    cmocka_unit_test(kernel_polling_submits_without_entering),
    cmocka_unit_test(a_polling_thread_keeps_what_it_was_shown),
    cmocka_unit_test(a_small_queue_is_waited_for),
    cmocka_unit_test(what_a_kernel_lacks_is_done_without_and_said),
    cmocka_unit_test(large_batches_go_at_once),
    cmocka_unit_test(a_locked_ring_does_what_is_named),
    cmocka_unit_test(a_lock_that_fails_opens_nothing),
    cmocka_unit_test(the_limit_of_workers_is_set),
    cmocka_unit_test(bytes_changed_in_flight_are_told),
    cmocka_unit_test(a_configuration_follows_the_machine),
};

SR_TEST_MAIN(tests)
