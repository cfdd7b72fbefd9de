/*
 * Provided buffers: each that the kernel selects is an owned buffer that comes back, by a release, by a drop, by a drain
 * (BUF-3, BUF-5, BUF-9, ORPH-4, RING-5).
 */
#include <pthread.h>
#include <string.h>

#include "safer_ring/provider.h"
#include "support/counting_allocator.h"
#include "support/each_kernel.h"
#include "support/fake_ring.h"
#include "support/main.h"

static int tag;

/* A ring on the scripted kernel with a provider of four buffers of 16 bytes. */
static struct sr_provider *open_provider(struct fake_ring *f)
{
    struct sr_provider *provider;
    *f = fake_ring_open(4);
    assert_int_equal(sr_provider_new(f->ring, 4, 16, &provider), 0);
    assert_int_equal(sr_provider_available(provider), 4);
    return provider;
}

static void close_provider(struct fake_ring *f, struct sr_provider *provider)
{
    assert_int_equal(sr_provider_available(provider), 4);
    assert_int_equal(sr_provider_free(&provider), 0);
    assert_null(provider);
    fake_ring_close(f);
}

/* The kernel ends an operation with so many bytes in buffer `number`. */
static void post_selected(struct fake_ring *f, uint64_t id, int32_t result, uint32_t number, uint32_t flags)
{
    fake_kernel_post_flagged(f->kernel, id, result,
                             flags | IORING_CQE_F_BUFFER | number << IORING_CQE_BUFFER_SHIFT);
}

SR_UNCHECKED static struct sr_op submit_selecting(struct fake_ring *f, struct sr_provider *provider)
{
    struct sr_op op;
    struct sr_op_spec spec = sr_spec_selecting(sr_spec_recv(sr_fd(5), (struct sr_range){0}, 0), provider);
    assert_int_equal(sr_op_start_plain(f->ring, &spec, &op), 0);
    assert_int_equal(sr_ring_submit(f->ring), 0);
    return op;
}

/* The entry says group and flag; the completion brings the chosen buffer, which is the program's until it is released. */
SR_UNCHECKED static void the_chosen_buffer_comes_with_the_completion(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    struct sr_op op = submit_selecting(&f, provider);
    assert_true((f.kernel->seen[0].flags & IOSQE_BUFFER_SELECT) != 0);
    assert_int_equal(f.kernel->seen[0].addr, 0);
    assert_int_equal(f.kernel->seen[0].len, 0);

    post_selected(&f, op.id, 7, 2, 0);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), 7);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_buffer_size(buffer), 16);
    assert_int_equal(sr_provider_available(provider), 3);
    assert_int_equal(sr_provider_free(&provider), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    close_provider(&f, provider);
}

/* An error may bring a buffer too, and it comes back; one without brings none (ORPH-4). */
SR_UNCHECKED static void an_error_may_bring_one(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    struct sr_op op = submit_selecting(&f, provider);
    post_selected(&f, op.id, -ECONNRESET, 0, 0);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -ECONNRESET);
    assert_non_null(buffer);
    assert_int_equal(sr_buffer_release(&buffer), 0);

    op = submit_selecting(&f, provider);
    fake_kernel_post(f.kernel, op.id, -ENOBUFS);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -ENOBUFS);
    assert_null(buffer);
    close_provider(&f, provider);
}

/* Each completion of a multishot brings one of its own; dropped, those nobody takes go back to the kernel (BUF-5, ORPH-4). */
SR_UNCHECKED static void each_shot_brings_its_own(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_multishot receives;
    struct sr_completion done;
    struct sr_buffer *first = NULL;
    assert_int_equal(sr_recv_multishot(f.ring, sr_fd(5), provider, &tag, &receives), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = receives.id;
    post_selected(&f, id, 3, 1, IORING_CQE_F_MORE);
    post_selected(&f, id, 16, 0, IORING_CQE_F_MORE);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_true(done.more);
    assert_int_equal(sr_take(&done, &first), 3);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_provider_available(provider), 2);

    assert_int_equal(sr_multishot_drop(f.ring, &receives), 0);
    assert_int_equal(sr_provider_available(provider), 3);
    post_selected(&f, id, 5, 3, IORING_CQE_F_MORE);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_provider_available(provider), 3);
    assert_int_equal(sr_provider_free(&provider), SR_EBUFFER_IN_FLIGHT);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    post_selected(&f, id, 5, 2, 0);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_int_equal(sr_buffer_release(&first), 0);
    close_provider(&f, provider);
}

/* While an operation may select from it a provider stays, and while it lives the ring does (RING-5). */
SR_UNCHECKED static void it_outlives_what_asks_it(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_op op = submit_selecting(&f, provider);
    assert_int_equal(sr_provider_free(&provider), SR_EBUFFER_IN_FLIGHT);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    assert_int_equal(sr_ring_close(&f.ring), -EBUSY);
    close_provider(&f, provider);
}

/* What a provider can't be, and what can't select, is refused, and nothing has changed. */
SR_UNCHECKED static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_provider *other = NULL;
    struct sr_multishot multishot;
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    const struct sr_range whole = {0};
    assert_int_equal(sr_provider_new(f.ring, 3, 16, &other), -EINVAL);
    assert_int_equal(sr_provider_new(f.ring, 0, 16, &other), -EINVAL);
    assert_int_equal(sr_provider_new(f.ring, 2 * SR_PROVIDED_MAX, 16, &other), -EINVAL);
    assert_int_equal(sr_provider_new(f.ring, 4, 0, &other), -EINVAL);
    assert_int_equal(sr_provider_new(NULL, 4, 16, &other), -EINVAL);
    f.kernel->register_error = -ENOMEM;
    assert_int_equal(sr_provider_new(f.ring, 4, 16, &other), -ENOMEM);
    f.kernel->register_error = 0;
    assert_null(other);

    struct sr_op_spec nowhere = sr_spec_selecting(sr_spec_recv(sr_fd(5), whole, 0), NULL);
    struct sr_op_spec write = sr_spec_selecting(sr_spec_write(sr_fd(5), 0, whole), provider);
    struct sr_op_spec late = sr_spec_selecting(sr_spec_recv(sr_fd(5), sr_range(1, 3), 0), provider);
    struct sr_op_spec much = sr_spec_selecting(sr_spec_recv(sr_fd(5), sr_range(0, 17), 0), provider);
    struct sr_op_spec fine = sr_spec_selecting(sr_spec_recv(sr_fd(5), whole, 0), provider);
    struct sr_op_spec without = sr_spec_multishot(sr_spec_recv(sr_fd(5), whole, 0));
    struct sr_op_spec cut =
        sr_spec_multishot(sr_spec_selecting(sr_spec_recv(sr_fd(5), sr_range(0, 3), 0), provider));
    assert_int_equal(sr_op_start_plain(f.ring, &nowhere, &op), -EINVAL);
    assert_int_equal(sr_op_start_plain(f.ring, &write, &op), -EOPNOTSUPP);
    assert_int_equal(sr_op_start_plain(f.ring, &late, &op), -EINVAL);
    assert_int_equal(sr_op_start_plain(f.ring, &much, &op), -EINVAL);
    assert_int_equal(sr_multishot_start(f.ring, &without, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_multishot_start(f.ring, &cut, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_buffer_new(&buffer, 16), 0);
    assert_int_equal(sr_op_start(f.ring, &fine, &buffer, &op), -EINVAL);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_buffer_release(&buffer), 0);

    struct fake_ring g = fake_ring_open(4);
    assert_int_equal(sr_op_start_plain(g.ring, &fine, &op), SR_EFOREIGN);
    fake_ring_close(&g);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    close_provider(&f, provider);
}

/* Without memory for any part of it there is no provider, and nothing stays behind. */
static void without_memory_nothing_stays(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_provider *provider = NULL;
    struct counting_allocator counter;
    for (uint32_t failing = 1; failing <= 4; failing++) {
        counting_allocator_install(&counter);
        counter.fails_at = failing;
        assert_int_equal(sr_provider_new(f.ring, 4, 16, &provider), -ENOMEM);
        counting_allocator_remove();
        assert_int_equal(counter.blocks, 0);
    }
    assert_null(provider);
    fake_ring_close(&f);
}

SR_UNCHECKED static void *release_elsewhere(void *buffer)
{
    return sr_buffer_release(buffer) == 0 ? buffer : NULL;
}

/* Any thread may release one: it is the kernel's again (BUF-9). */
SR_UNCHECKED static void another_thread_may_release_it(void **state)
{
    (void)state;
    struct fake_ring f;
    struct sr_provider *provider = open_provider(&f);
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    pthread_t thread;
    void *said = NULL;
    struct sr_op op = submit_selecting(&f, provider);
    post_selected(&f, op.id, 1, 3, 0);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), 1);
    assert_int_equal(pthread_create(&thread, NULL, release_elsewhere, &buffer), 0);
    assert_int_equal(pthread_join(thread, &said), 0);
    assert_non_null(said);
    close_provider(&f, provider);
}

/* Takes what one completion brings, appends it to *text, and releases the buffer. The kernel's result. */
SR_UNCHECKED static int32_t take_text(struct sr_completion *done, char *text)
{
    struct sr_buffer *buffer = NULL;
    int32_t result = sr_take(done, &buffer);
    if (buffer == NULL)
        return result;
    if (result > 0) {
        SR_BUFFER_SCOPE(guard, &buffer)
        strncat(text, (char *)sr_guard_bytes(&guard), (size_t)result);
    }
    assert_int_equal(sr_buffer_release(&buffer), 0);
    return result;
}

/* Eight messages through four buffers of 8 bytes, which come back each time; -ENOBUFS starts it again. */
SR_UNCHECKED static void receive_each(struct each_kernel *world)
{
    struct sr_provider *provider;
    struct sr_multishot receives = {0};
    struct sr_completion done;
    char text[128] = "";
    bool running = false;
    assert_int_equal(sr_provider_new(world->ring, 4, 8, &provider), 0);
    for (int i = 0; i < 8; i++) {
        char message[8] = "message";
        message[6] = (char)('0' + i);
        if (!running)
            assert_int_equal(sr_recv_multishot(world->ring, sr_fd(world->pair[0]), provider, &tag, &receives),
                             0);
        each_kernel_write(world, world->pair[1], message, 7);
        assert_int_equal(sr_ring_next(world->ring, &done), 0);
        running = done.more;
        assert_int_equal(take_text(&done, text), 7);
    }
    assert_string_equal(text, "messag0messag1messag2messag3messag4messag5messag6messag7");
    assert_int_equal(sr_multishot_drop(world->ring, &receives), 0);
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
    assert_int_equal(sr_provider_free(&provider), 0);
}

/* On each kernel a receive that goes on brings what comes, in buffers that come back (BACK-1). */
static void one_receive_brings_every_message(void **state)
{
    (void)state;
    on_each_kernel(receive_each);
}

SR_UNCHECKED static void read_selected(struct each_kernel *world)
{
    struct sr_provider *provider;
    struct sr_op op;
    struct sr_completion done;
    char text[16] = "";
    assert_int_equal(sr_provider_new(world->ring, 1, 8, &provider), 0);
    struct sr_op_spec spec =
        sr_spec_selecting(sr_spec_read(sr_fd(world->pipe[0]), 0, sr_range(0, 3)), provider);
    each_kernel_write(world, world->pipe[1], "abcdef", 6);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(sr_op_await(world->ring, &op, &done), 0);
    assert_int_equal(take_text(&done, text), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(sr_provider_free(&provider), 0);
}

/* On each kernel a read takes its buffer from the provider, and no more than it asked for. */
static void a_read_selects_too(void **state)
{
    (void)state;
    on_each_kernel(read_selected);
}

/* Whatever the kernel's luck, every buffer comes back to the provider. */
SR_UNCHECKED static void bad_luck_keeps_no_buffer(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 300) {
        struct each_kernel world = {.name = "sim", .sim = sim};
        struct sr_provider *provider = NULL;
        struct sr_multishot receives = {0};
        struct sr_completion done;
        char text[256] = "";
        each_kernel_make(&world);
        int made = sr_provider_new(world.ring, 4, 8, &provider);
        if (made == 0 &&
            sr_recv_multishot(world.ring, sr_fd(world.pair[0]), provider, &tag, &receives) == 0) {
            for (int i = 0; i < 6; i++) {
                size_t moved;
                (void)!sr_sim_write(sim, world.pair[1], "message", 7, &moved);
                if (sr_ring_next_timeout(world.ring, 1000000, &done) == 0)
                    take_text(&done, text);
            }
            (void)!sr_multishot_drop(world.ring, &receives);
        }
        sr_sim_calm(sim);
        assert_int_equal(sr_ring_drain(world.ring, SR_FOREVER, NULL), 0);
        if (made == 0) {
            assert_int_equal(sr_provider_available(provider), 4);
            assert_int_equal(sr_provider_free(&provider), 0);
        }
        assert_int_equal(stats_of(world.ring).unknown, 0);
        assert_int_equal(sr_ring_close(&world.ring), 0);
        each_kernel_free(&world);
    }
}

static int abandon_loop(void **state)
{
    (void)state;
    sr_sim_loop_abandon();
    return 0;
}

/* A number that the kernel kept, because an earlier provider could not be taken from it, is passed over. */
static void a_group_that_the_kernel_kept_is_passed_over(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_provider *provider;
    f.kernel->groups_taken = 2;
    assert_int_equal(sr_provider_new(f.ring, 4, 16, &provider), 0);

    struct sr_op op = submit_selecting(&f, provider);
    assert_int_equal(f.kernel->seen[0].buf_group, 2);
    post_selected(&f, op.id, 7, 2, 0);
    assert_int_equal(await_result(f.ring, &op), 7);
    close_provider(&f, provider);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_chosen_buffer_comes_with_the_completion),
    cmocka_unit_test(an_error_may_bring_one),
    cmocka_unit_test(each_shot_brings_its_own),
    cmocka_unit_test(it_outlives_what_asks_it),
    cmocka_unit_test(what_makes_no_sense_is_refused),
    cmocka_unit_test(without_memory_nothing_stays),
    cmocka_unit_test(another_thread_may_release_it),
    cmocka_unit_test(one_receive_brings_every_message),
    cmocka_unit_test(a_read_selects_too),
    cmocka_unit_test_teardown(bad_luck_keeps_no_buffer, abandon_loop),
    cmocka_unit_test(a_group_that_the_kernel_kept_is_passed_over),
};

SR_TEST_MAIN(tests)
