/*
 * The promise everything else stands on: the same program on the same tape is the same run.
 */
#include "main.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "raw_ring.h"
#include "safer_ring/allocator.h"
#include "safer_ring/sim.h"

enum {
    ROUNDS = 40,
    BUFFER = 300
};

struct program {
    struct raw_ring raw;
    char *memory;
    int file;
    int pipe[2];
    int pair[2];
    int listener;
    int client;
    unsigned moved;
};

static void make_objects(struct sr_sim *sim, struct program *program)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    assert_int_equal(sr_sim_file(sim, "f", "0123456789", 10), 0);
    assert_int_equal(sr_sim_open(sim, "f", O_RDWR, &program->file), 0);
    assert_int_equal(sr_sim_pipe(sim, program->pipe), 0);
    assert_int_equal(sr_sim_socketpair(sim, program->pair), 0);
    assert_int_equal(sr_sim_listen(sim, (struct sockaddr *)&address, sizeof address, 4, &program->listener),
                     0);
    assert_int_equal(sr_sim_socket(sim, AF_INET, &program->client), 0);
    assert_int_equal(sr_sim_connect(sim, program->client, (struct sockaddr *)&address, sizeof address), 0);
}

static void prepare(struct program *program, int round, int what)
{
    struct io_uring_sqe *sqe =
        raw_ring_sqe(&program->raw, (uint64_t)(uintptr_t)program->memory + (uint64_t)what);
    char *buffer = program->memory + what * BUFFER;
    if (sqe == NULL)
        return;
    memset(buffer, round, BUFFER);
    switch (what) {
    case 0: io_uring_prep_write(sqe, program->pipe[1], buffer, BUFFER, 0); break;
    case 1: io_uring_prep_read(sqe, program->pipe[0], buffer, BUFFER, 0); break;
    case 2: io_uring_prep_send(sqe, program->pair[0], buffer, BUFFER, 0); break;
    case 3: io_uring_prep_recv(sqe, program->pair[1], buffer, BUFFER, 0); break;
    case 4: io_uring_prep_write(sqe, program->file, buffer, BUFFER, (uint64_t)round * 7); break;
    case 5: io_uring_prep_read(sqe, program->file, buffer, BUFFER, 0); break;
    case 6: io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)program->memory + 1, 0); break;
    case 7: io_uring_prep_send(sqe, program->client, buffer, BUFFER, 0); break;
    default: io_uring_prep_accept(sqe, program->listener, NULL, NULL, 0); break;
    }
    sqe->user_data = (uint64_t)(uintptr_t)program->memory + (uint64_t)what;
}

static void run_rounds(struct sr_sim *sim, struct program *program)
{
    struct io_uring_cqe cqe;
    for (int round = 0; round < ROUNDS; round++) {
        for (int what = 0; what < 9; what++) {
            if ((round + what) % 3 != 0 && (what != 8 || round == 5))
                prepare(program, round, what);
        }
        if (round == ROUNDS - 5)
            sr_sim_calm(sim);
        raw_ring_submit_and_wait_for(&program->raw, 2, 1000000);
        while (raw_ring_take(&program->raw, &cqe))
            program->moved += cqe.res > 0 ? (unsigned)cqe.res : 0;
    }
}

/* What the program did, as a hash; its memory is somewhere else each time. 0: the kernel refused the ring. */
static uint64_t run(struct sr_sim *sim, size_t shift)
{
    struct program program = {0};
    char *memory = malloc(9 * BUFFER + shift);
    assert_non_null(memory);
    program.memory = memory + shift;
    make_objects(sim, &program);
    bool opened = raw_ring_open(&program.raw, sr_sim_backend(sim), 8, 0) == 0;
    if (opened) {
        run_rounds(sim, &program);
        raw_ring_close(&program.raw);
    }
    free(memory);
    return opened ? sr_sim_trace_hash(sim) : 0;
}

static uint64_t run_seed(struct sr_sim *sim, uint64_t seed, size_t shift)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.seed = seed;
    assert_int_equal(sr_sim_reset(sim, &options), 0);
    return run(sim, shift);
}

static void a_seed_repeats_in_place_in_another_simulation_and_at_other_addresses(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_sim *other;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);

    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t hash = run_seed(sim, seed, 1);
        assert_true(run_seed(sim, seed, 64) == hash);
        assert_int_equal(sr_sim_new(&other, NULL), 0);
        assert_true(run_seed(other, seed, 4099) == hash);
        sr_sim_free(&other);
    }

    sr_sim_free(&sim);
}

static void seeds_are_different_runs(void **state)
{
    (void)state;
    enum {
        SEEDS = 300
    };
    static uint64_t hashes[SEEDS];
    struct sr_sim *sim;
    unsigned opened = 0;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        hashes[seed] = run_seed(sim, seed, 0);
        opened += hashes[seed] != 0;
        for (uint64_t earlier = 0; earlier < seed; earlier++)
            assert_false(hashes[seed] != 0 && hashes[earlier] == hashes[seed]);
    }

    assert_in_range(opened, SEEDS / 2, SEEDS);
    sr_sim_free(&sim);
}

static void a_recorded_tape_is_the_same_run(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_sim *replay;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_new(&replay, NULL), 0);

    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sr_sim_options options = sr_sim_options_default();
        uint64_t hash = run_seed(sim, seed, 0);
        sr_sim_tape(sim, &options.tape, &options.tape_size);
        assert_int_equal(sr_sim_reset(replay, &options), 0);
        assert_true(run(replay, 8) == hash);
    }

    sr_sim_free(&sim);
    sr_sim_free(&replay);
}

static void zeros_are_the_kind_run(void **state)
{
    (void)state;
    static const uint8_t zeros[100];
    struct sr_sim *sim;
    struct sr_sim_options options = sr_sim_options_default();
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    uint64_t kind = run(sim, 0);

    for (size_t size = 0; size <= sizeof zeros; size += 50) {
        options.tape = zeros;
        options.tape_size = size;
        assert_int_equal(sr_sim_reset(sim, &options), 0);
        assert_true(run(sim, 0) == kind);
    }

    sr_sim_free(&sim);
}

static void any_bytes_are_a_tape(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_sim_options options = sr_sim_options_default();
    uint8_t bytes[256];
    assert_int_equal(sr_sim_new(&sim, NULL), 0);

    for (unsigned first = 0; first < 256; first++) {
        for (unsigned i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(first + i * i * 31 + i / 3);
        options.tape = bytes;
        options.tape_size = sizeof bytes;
        assert_int_equal(sr_sim_reset(sim, &options), 0);
        uint64_t hash = run(sim, 0);
        assert_int_equal(sr_sim_reset(sim, &options), 0);
        assert_true(run(sim, 1) == hash);
    }

    sr_sim_free(&sim);
}

static void read_page(struct raw_ring *raw, int file, char *to)
{
    struct io_uring_cqe cqe;
    io_uring_prep_read(raw_ring_sqe(raw, 1), file, to, 4096, 0);
    assert_int_equal(raw_ring_submit_and_wait(raw, 1), 1);
    assert_true(raw_ring_take(raw, &cqe));
    assert_int_equal(cqe.res, 4096);
}

/* Somebody whom no trace shows changes the first bytes of a page, which is then read. */
static void change_and_read(struct sr_sim *sim, struct raw_ring *raw, char byte, size_t size)
{
    static char page[4096];
    int fd;
    size_t moved;
    memset(page, byte, sizeof page);
    assert_int_equal(sr_sim_open(sim, "f", O_RDWR, &fd), 0);
    assert_int_equal(sr_sim_write(sim, fd, page, size, &moved), 0);
    assert_int_equal(moved, size);
    read_page(raw, fd, page);
    assert_int_equal(page[size - 1], byte);
    assert_int_equal(sr_sim_close(sim, fd), 0);
}

/* A page of the disk, a copy of it, and the copy changed in place, each read whole. */
static uint64_t hash_of_reading_again(struct sr_sim *sim, char first, char then, size_t size)
{
    static char page[4096];
    struct raw_ring raw = {0};
    int file;
    memset(page, 'a', sizeof page);
    assert_int_equal(sr_sim_reset(sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "f", page, sizeof page), 0);
    assert_int_equal(sr_sim_open(sim, "f", O_RDONLY, &file), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 8, 0), 0);
    read_page(&raw, file, page);
    change_and_read(sim, &raw, first, size);
    change_and_read(sim, &raw, then, size);
    uint64_t hash = sr_sim_trace_hash(sim);
    raw_ring_close(&raw);
    return hash;
}

/* What is known of a page's bytes is forgotten when they change. */
static void bytes_read_again_enter_the_hash_as_they_are_now(void **state)
{
    (void)state;
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);

    for (size_t size = 1; size <= 4096; size = size * 8) {
        uint64_t hash = hash_of_reading_again(sim, 'b', 'c', size);
        assert_true(hash_of_reading_again(sim, 'b', 'c', size) == hash);
        assert_true(hash_of_reading_again(sim, 'd', 'c', size) != hash);
        assert_true(hash_of_reading_again(sim, 'b', 'd', size) != hash);
        assert_true(hash_of_reading_again(sim, 'a', 'c', size) != hash);
        assert_true(hash_of_reading_again(sim, 'b', 'b', size) != hash);
    }

    sr_sim_free(&sim);
}

static unsigned allocations;
static unsigned releases;

static void *count_and_allocate(void *self, size_t size, size_t alignment)
{
    (void)self;
    void *memory = NULL;
    allocations++;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void give_back(void *self, void *memory, size_t size)
{
    (void)self;
    (void)size;
    releases++;
    free(memory);
}

static void a_warm_campaign_allocates_a_ring_per_run_and_nothing_else(void **state)
{
    (void)state;
    struct sr_allocator counting = {count_and_allocate, give_back, NULL};
    struct sr_sim *sim;
    assert_int_equal(sr_set_allocator(&counting), 0);
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    for (uint64_t seed = 0; seed < 100; seed++)
        run_seed(sim, seed, 0);

    allocations = releases = 0;
    unsigned rings = 0;
    for (uint64_t seed = 0; seed < 100; seed++)
        rings += run_seed(sim, seed, 0) != 0;

    /* The engine allocates a ring and frees it. */
    assert_int_equal(allocations, rings);
    assert_int_equal(releases, rings);
    sr_sim_free(&sim);
    assert_int_equal(sr_set_allocator(NULL), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_seed_repeats_in_place_in_another_simulation_and_at_other_addresses),
    cmocka_unit_test(seeds_are_different_runs),
    cmocka_unit_test(a_recorded_tape_is_the_same_run),
    cmocka_unit_test(zeros_are_the_kind_run),
    cmocka_unit_test(any_bytes_are_a_tape),
    cmocka_unit_test(bytes_read_again_enter_the_hash_as_they_are_now),
    cmocka_unit_test(a_warm_campaign_allocates_a_ring_per_run_and_nothing_else),
};

SR_TEST_MAIN(tests)
