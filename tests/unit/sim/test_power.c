/*
 * The disk of the simulation: what a loss of power leaves, and how operations end without power.
 */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "raw_ring.h"
#include "safer_ring/ring.h"
#include "safer_ring/sim.h"

struct rig {
    struct sr_sim *sim;
    struct raw_ring raw;
    int root; /* open directory */
};

static struct rig rig_of(struct sr_sim *sim)
{
    struct rig rig = {.sim = sim};
    assert_int_equal(raw_ring_open(&rig.raw, sr_sim_backend(sim), 8, 0), 0);
    assert_int_equal(sr_sim_open(sim, "/", O_RDONLY | O_DIRECTORY, &rig.root), 0);
    return rig;
}

/* A kernel whose losses of power are drawn from a seed; of seed 0 everything survives. */
static struct rig begin(uint64_t seed)
{
    struct sr_sim_options options = sr_sim_options_default();
    struct sr_sim *sim;
    options.flags = seed == 0 ? SR_SIM_KIND : SR_SIM_POWER;
    options.seed = seed;
    assert_int_equal(sr_sim_new(&sim, &options), 0);
    return rig_of(sim);
}

static void end(struct rig *rig)
{
    raw_ring_close(&rig->raw);
    sr_sim_free(&rig->sim);
}

/* Power is lost, the machine boots, and there is a new ring. */
static void crash(struct rig *rig)
{
    struct sr_sim *sim = rig->sim;
    sr_sim_power_loss(sim);
    raw_ring_close(&rig->raw);
    assert_int_equal(sr_sim_reboot(sim), 0);
    *rig = rig_of(sim);
}

static int run(struct rig *rig)
{
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_submit_and_wait(&rig->raw, 1), 1);
    assert_true(raw_ring_take(&rig->raw, &cqe));
    return cqe.res;
}

static struct io_uring_sqe *entry(struct rig *rig)
{
    return raw_ring_sqe(&rig->raw, 1);
}

static int created(struct rig *rig, const char *path)
{
    io_uring_prep_openat(entry(rig), AT_FDCWD, path, O_CREAT | O_RDWR, 0644);
    int fd = run(rig);
    assert_true(fd >= 0);
    return fd;
}

static void write_at(struct rig *rig, int fd, const void *bytes, unsigned size, uint64_t offset, int flags)
{
    struct io_uring_sqe *sqe = entry(rig);
    io_uring_prep_write(sqe, fd, bytes, size, offset);
    sqe->rw_flags = flags;
    assert_int_equal(run(rig), size);
}

static void sync_it(struct rig *rig, int fd, unsigned flags)
{
    io_uring_prep_fsync(entry(rig), fd, flags);
    assert_int_equal(run(rig), 0);
}

static void rename_it(struct rig *rig, const char *from, const char *to)
{
    io_uring_prep_renameat(entry(rig), AT_FDCWD, from, AT_FDCWD, to, 0);
    assert_int_equal(run(rig), 0);
}

static void unlink_it(struct rig *rig, const char *path, int flags)
{
    io_uring_prep_unlinkat(entry(rig), AT_FDCWD, path, flags);
    assert_int_equal(run(rig), 0);
}

/* The file's length, or -errno; its first bytes. */
static int64_t content(struct rig *rig, const char *path, char *bytes, size_t size)
{
    size_t length = 0;
    memset(bytes, 0, size);
    int rc = sr_sim_file_content(rig->sim, path, bytes, size, &length);
    return rc != 0 ? rc : (int64_t)length;
}

#define SEEDS 200

static void a_kind_loss_of_power_loses_nothing(void **state)
{
    (void)state;
    char bytes[16];
    struct rig rig = begin(0);
    int fd = created(&rig, "/f");
    write_at(&rig, fd, "hello", 5, 0, 0);

    crash(&rig);

    assert_int_equal(content(&rig, "/f", bytes, sizeof bytes), 5);
    assert_string_equal(bytes, "hello");
    end(&rig);
}

static void what_was_synced_survives_every_loss_of_power(void **state)
{
    (void)state;
    char bytes[16];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rig rig = begin(seed);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "hello", 5, 0, 0);
        sync_it(&rig, fd, seed % 2 == 0 ? 0 : IORING_FSYNC_DATASYNC);
        sync_it(&rig, rig.root, 0);

        crash(&rig);

        assert_int_equal(content(&rig, "/f", bytes, sizeof bytes), 5);
        assert_string_equal(bytes, "hello");
        end(&rig);
    }
}

/* Counts by what became of it. */
struct fates {
    unsigned missing;
    unsigned empty;
    unsigned whole;
    unsigned other;
};

static void count(struct fates *fates, struct rig *rig, const char *path, const char *whole)
{
    char bytes[16];
    int64_t length = content(rig, path, bytes, sizeof bytes);
    fates->missing += length == -ENOENT;
    fates->empty += length == 0;
    fates->whole += length == (int64_t)strlen(whole) && strcmp(bytes, whole) == 0;
    fates->other += length > 0 && (length != (int64_t)strlen(whole) || strcmp(bytes, whole) != 0);
}

static void without_a_sync_everything_may_happen_to_a_new_file(void **state)
{
    (void)state;
    struct fates fates = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "hello", 5, 0, 0);
        crash(&rig);
        count(&fates, &rig, "/f", "hello");
        end(&rig);
    }
    assert_in_range(fates.missing, 10, SEEDS);
    assert_in_range(fates.empty, 1, SEEDS);
    assert_in_range(fates.whole, 1, SEEDS);
    assert_in_range(fates.other, 1, SEEDS);
}

static void a_file_synced_without_its_directory_is_whole_or_missing(void **state)
{
    (void)state;
    struct fates fates = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "hello", 5, 0, 0);
        sync_it(&rig, fd, 0);
        crash(&rig);
        count(&fates, &rig, "/f", "hello");
        end(&rig);
    }
    assert_in_range(fates.missing, 10, SEEDS);
    assert_in_range(fates.whole, 10, SEEDS);
    assert_int_equal(fates.empty + fates.other, 0);
}

static void a_directory_synced_without_its_file_has_a_name_for_anything(void **state)
{
    (void)state;
    struct fates fates = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "hello", 5, 0, 0);
        sync_it(&rig, rig.root, 0);
        crash(&rig);
        count(&fates, &rig, "/f", "hello");
        end(&rig);
    }
    assert_int_equal(fates.missing, 0);
    assert_in_range(fates.empty, 10, SEEDS);
    assert_in_range(fates.whole, 1, SEEDS);
}

static void a_write_may_ask_for_its_own_sync(void **state)
{
    (void)state;
    static const int flags[] = {RWF_DSYNC, RWF_SYNC};
    char bytes[16];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", "old", 3), 0);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "new and longer", 14, 0, flags[seed % 2]);

        crash(&rig);

        assert_int_equal(content(&rig, "/f", bytes, sizeof bytes), 14);
        assert_string_equal(bytes, "new and longer");
        end(&rig);
    }
}

static void a_written_out_range_is_not_safe(void **state)
{
    (void)state;
    struct fates fates = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", "old", 3), 0);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "new", 3, 0, 0);
        io_uring_prep_sync_file_range(entry(&rig), fd, 3, 0, 7);
        assert_int_equal(run(&rig), 0);
        crash(&rig);
        count(&fates, &rig, "/f", "new");
        end(&rig);
    }
    assert_in_range(fates.whole, 1, SEEDS);
    assert_in_range(fates.other, 10, SEEDS);
}

/* The whole of one page was old or new, sector by sector; never anything else. */
static void a_page_is_torn_by_sectors(void **state)
{
    (void)state;
    static char old[4096];
    static char new[4096];
    static char found[4096];
    unsigned torn = 0;
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", old, sizeof old), 0);
        write_at(&rig, created(&rig, "/f"), new, sizeof new, 0, 0);
        crash(&rig);
        assert_int_equal(content(&rig, "/f", found, sizeof found), sizeof found);
        unsigned kept = 0;
        for (size_t at = 0; at < sizeof found; at += 512) {
            bool is_old = memcmp(found + at, old, 512) == 0;
            assert_true(is_old || memcmp(found + at, new, 512) == 0);
            kept += is_old;
        }
        torn += kept > 0 && kept < 8;
        end(&rig);
    }
    assert_in_range(torn, 5, SEEDS);
}

/* Two writes without a sync between: the second may be there and the first not. */
static void writes_reach_the_disk_in_any_order(void **state)
{
    (void)state;
    static char page[4096];
    static char found[8192];
    unsigned counts[4] = {0};
    memset(page, 'x', sizeof page);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", NULL, sizeof found), 0);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, page, 4096, 0, 0);
        write_at(&rig, fd, page, 4096, 4096, 0);
        crash(&rig);
        content(&rig, "/f", found, sizeof found);
        counts[(found[0] == 'x' ? 1 : 0) + (found[4096] == 'x' ? 2 : 0)]++;
        end(&rig);
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(counts[i], 3, SEEDS);
}

/* A page written twice may have been written back in between. */
static void an_earlier_state_may_be_what_survives(void **state)
{
    (void)state;
    char bytes[8];
    unsigned counts[4] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", "0", 1), 0);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "1", 1, 0, 0);
        write_at(&rig, fd, "2", 1, 0, 0);
        crash(&rig);
        content(&rig, "/f", bytes, sizeof bytes);
        counts[bytes[0] - '0']++;
        end(&rig);
    }
    assert_in_range(counts[0], 1, SEEDS);
    assert_in_range(counts[1], 1, SEEDS);
    assert_in_range(counts[2], 1, SEEDS);
    assert_int_equal(counts[3], 0);
}

/* The classic: written beside, synced, renamed. The name stands for the old or the new, whole. */
static void a_rename_is_all_or_nothing(void **state)
{
    (void)state;
    char bytes[16];
    unsigned old = 0;
    unsigned new = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", "old", 3), 0);
        int fd = created(&rig, "/f.new");
        write_at(&rig, fd, "newer", 5, 0, 0);
        sync_it(&rig, fd, 0);
        sync_it(&rig, rig.root, 0);
        rename_it(&rig, "/f.new", "/f");
        crash(&rig);
        content(&rig, "/f", bytes, sizeof bytes);
        bool is_new = strcmp(bytes, "newer") == 0;
        assert_true(is_new || strcmp(bytes, "old") == 0);
        assert_int_equal(content(&rig, "/f.new", bytes, sizeof bytes), is_new ? -ENOENT : 5);
        old += !is_new;
        new += is_new;
        end(&rig);
    }
    assert_in_range(old, 10, SEEDS);
    assert_in_range(new, 10, SEEDS);
}

static void a_rename_between_directories_is_all_or_nothing(void **state)
{
    (void)state;
    char bytes[16];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/a/f", "x", 1), 0);
        assert_int_equal(sr_sim_directory(rig.sim, "/b"), 0);
        rename_it(&rig, "/a/f", "/b/g");
        if (seed % 3 == 0) {
            io_uring_prep_openat(entry(&rig), AT_FDCWD, "/a", O_RDONLY | O_DIRECTORY, 0);
            sync_it(&rig, run(&rig), 0); /* of either directory */
        }
        crash(&rig);
        int64_t there = content(&rig, "/a/f", bytes, sizeof bytes);
        int64_t moved = content(&rig, "/b/g", bytes, sizeof bytes);
        assert_true((there == 1) != (moved == 1));
        assert_true(seed % 3 != 0 || moved == 1);
        end(&rig);
    }
}

static void what_was_unlinked_may_come_back(void **state)
{
    (void)state;
    struct fates fates = {0};
    struct fates synced = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/f", "hello", 5), 0);
        unlink_it(&rig, "/f", 0);
        if (seed % 2 == 0)
            sync_it(&rig, rig.root, 0);
        crash(&rig);
        count(seed % 2 == 0 ? &synced : &fates, &rig, "/f", "hello");
        end(&rig);
    }
    assert_in_range(fates.missing, 5, SEEDS);
    assert_in_range(fates.whole, 5, SEEDS);
    assert_int_equal(synced.missing, SEEDS / 2);
}

/* What was moved out of a directory is not lost with it. */
static void a_removed_directory_takes_nothing_along(void **state)
{
    (void)state;
    char bytes[8];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rig rig = begin(seed);
        assert_int_equal(sr_sim_file(rig.sim, "/d/f", "x", 1), 0);
        assert_int_equal(sr_sim_directory(rig.sim, "/e"), 0);
        rename_it(&rig, "/d/f", "/e/f");
        unlink_it(&rig, "/d", AT_REMOVEDIR);
        if (seed % 2 == 0)
            sync_it(&rig, rig.root, 0);
        crash(&rig);
        int64_t there = content(&rig, "/d/f", bytes, sizeof bytes);
        int64_t moved = content(&rig, "/e/f", bytes, sizeof bytes);
        assert_true((there == 1) != (moved == 1));
        assert_true(seed % 2 != 0 || moved == 1);
        end(&rig);
    }
}

static void a_lost_directory_loses_what_is_in_it(void **state)
{
    (void)state;
    char bytes[8];
    unsigned lost = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        io_uring_prep_mkdirat(entry(&rig), AT_FDCWD, "/d", 0755);
        assert_int_equal(run(&rig), 0);
        int fd = created(&rig, "/d/f");
        write_at(&rig, fd, "x", 1, 0, RWF_SYNC);
        io_uring_prep_openat(entry(&rig), AT_FDCWD, "/d", O_RDONLY | O_DIRECTORY, 0);
        sync_it(&rig, run(&rig), 0);
        crash(&rig);
        int64_t length = content(&rig, "/d/f", bytes, sizeof bytes);
        assert_true(length == 1 || length == -ENOENT);
        lost += length != 1;
        end(&rig);
    }
    assert_in_range(lost, 10, SEEDS - 10);
}

static void attributes_need_a_sync_of_all(void **state)
{
    (void)state;
    unsigned lost[2] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rig rig = begin(seed);
        char value[8];
        assert_int_equal(sr_sim_file(rig.sim, "/f", "x", 1), 0);
        int fd = created(&rig, "/f");
        io_uring_prep_fsetxattr(entry(&rig), fd, "user.a", "1", 0, 1);
        assert_int_equal(run(&rig), 0);
        sync_it(&rig, fd, seed % 2 == 0 ? IORING_FSYNC_DATASYNC : 0);
        crash(&rig);
        io_uring_prep_getxattr(entry(&rig), "user.a", value, "/f", sizeof value);
        lost[seed % 2] += run(&rig) == -ENODATA;
        end(&rig);
    }
    assert_in_range(lost[0], 5, SEEDS / 2 - 5);
    assert_int_equal(lost[1], 0);
}

static void without_power_every_operation_ends_with_an_error(void **state)
{
    (void)state;
    char byte;
    struct statx status;
    struct rig rig = begin(0);
    int fd = created(&rig, "/f");
    write_at(&rig, fd, "x", 1, 0, 0);

    sr_sim_power_loss(rig.sim);
    sr_sim_power_loss(rig.sim);

    assert_int_equal(sr_sim_power_lost(rig.sim), 1);
    io_uring_prep_read(entry(&rig), fd, &byte, 1, 0);
    assert_int_equal(run(&rig), -EIO);
    io_uring_prep_statx(entry(&rig), fd, "", AT_EMPTY_PATH, STATX_SIZE, &status);
    assert_int_equal(run(&rig), -EIO);
    io_uring_prep_openat(entry(&rig), AT_FDCWD, "/f", O_RDONLY, 0);
    assert_int_equal(run(&rig), -EIO);
    int other;
    assert_int_equal(sr_sim_open(rig.sim, "/f", O_RDONLY, &other), -EIO);
    assert_int_equal(sr_sim_file(rig.sim, "/g", "x", 1), -EIO);
    io_uring_prep_close(entry(&rig), fd);
    assert_int_equal(run(&rig), 0);
    io_uring_prep_nop(entry(&rig));
    assert_int_equal(run(&rig), 0);
    end(&rig);
}

static void what_waits_ends_when_power_is_lost(void **state)
{
    (void)state;
    char byte;
    int ends[2];
    struct io_uring_cqe cqe;
    struct rig rig = begin(0);
    assert_int_equal(sr_sim_pipe(rig.sim, ends), 0);
    io_uring_prep_read(raw_ring_sqe(&rig.raw, 1), ends[0], &byte, 1, 0);
    io_uring_prep_poll_add(raw_ring_sqe(&rig.raw, 2), ends[0], POLLIN);
    assert_int_equal(raw_ring_submit(&rig.raw), 2);
    assert_int_equal(sr_sim_close(rig.sim, ends[0]), 0);

    sr_sim_power_loss(rig.sim);

    assert_int_equal(raw_ring_wait(&rig.raw, 2, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(raw_ring_take(&rig.raw, &cqe));
        assert_int_equal(cqe.res, -EIO);
    }
    end(&rig);
}

static void power_is_lost_after_so_many_operations(void **state)
{
    (void)state;
    struct rig rig = begin(0);
    int fd = created(&rig, "/f");
    sr_sim_power_loss_after(rig.sim, 2);
    write_at(&rig, fd, "1", 1, 0, 0);
    write_at(&rig, fd, "2", 1, 1, 0);
    assert_int_equal(sr_sim_power_lost(rig.sim), 0);

    io_uring_prep_write(entry(&rig), fd, "3", 1, 2);
    assert_int_equal(run(&rig), -EIO);

    assert_int_equal(sr_sim_power_lost(rig.sim), 1);
    end(&rig);
}

static void a_reboot_needs_its_rings_closed_and_ends_the_rest(void **state)
{
    (void)state;
    char bytes[8];
    uint32_t made;
    uint32_t opened;
    struct rig rig = begin(0);
    struct sr_sim *sim = rig.sim;
    write_at(&rig, created(&rig, "/f"), "abc", 3, 0, 0);
    assert_int_equal(sr_sim_reboot(sim), -EBUSY);
    assert_int_equal(sr_sim_power_lost(sim), 0);

    raw_ring_close(&rig.raw);
    assert_int_equal(sr_sim_reboot(sim), 0);

    sr_sim_open_descriptors(sim, &made, &opened);
    assert_int_equal(made + opened, 0);
    rig = rig_of(sim);
    assert_int_equal(content(&rig, "/f", bytes, sizeof bytes), 3);
    write_at(&rig, created(&rig, "/f"), "xyz", 3, 0, 0);
    end(&rig);
}

/* Rooms on the disk are given back with what was lost. */
static void a_lost_file_takes_no_room(void **state)
{
    (void)state;
    static char bytes[65536];
    struct sr_sim_options options = sr_sim_options_default();
    struct sr_sim *sim;
    options.flags = SR_SIM_POWER;
    options.disk_bytes = sizeof bytes;
    for (options.seed = 1; options.seed <= 20; options.seed++) {
        assert_int_equal(sr_sim_new(&sim, &options), 0);
        struct rig rig = rig_of(sim);
        for (int i = 0; i < 5; i++) {
            int fd = created(&rig, "/f");
            write_at(&rig, fd, bytes, sizeof bytes, 0, 0);
            crash(&rig);
            if (content(&rig, "/f", bytes, 1) >= 0)
                unlink_it(&rig, "/f", 0);
        }
        end(&rig);
    }
}

static unsigned written_before(struct sr_sim *sim)
{
    struct rig rig = rig_of(sim);
    struct io_uring_cqe cqe;
    unsigned written = 0;
    io_uring_prep_openat(entry(&rig), AT_FDCWD, "/f", O_CREAT | O_RDWR, 0644);
    int fd = run(&rig);
    for (unsigned i = 0; i < 3 && fd >= 0; i++) {
        io_uring_prep_write(entry(&rig), fd, "x", 1, i);
        assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 1), 1);
        assert_true(raw_ring_take(&rig.raw, &cqe));
        written += cqe.res == 1;
    }
    raw_ring_close(&rig.raw);
    return written;
}

/* The loop: power is lost before the first, after each of four operations; and each time eight images. */
static void the_loop_loses_power_after_every_operation(void **state)
{
    (void)state;
    unsigned runs = 0;
    unsigned counts[4] = {0};
    unsigned kind = 0;
    char bytes[8];
    size_t length;
    SR_SIM_FOR_EACH_POWER_LOSS (sim) {
        unsigned written = written_before(sim);
        assert_int_equal(sr_sim_reboot(sim), 0);
        bool whole = sr_sim_file_content(sim, "/f", bytes, sizeof bytes, &length) == 0 && length == written;
        kind += runs % 8 == 0 && (whole || (runs == 0 && written == 0));
        counts[written]++;
        runs++;
    }
    assert_int_equal(runs, 5 * 8);
    assert_int_equal(kind, 5);
    assert_int_equal(counts[0], 16);
    for (int i = 1; i < 4; i++)
        assert_int_equal(counts[i], 8);
}

static void a_loss_of_power_repeats(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 50; seed++) {
        char found[2][16];
        const uint8_t *tape;
        size_t size;
        struct rig rig = begin(seed);
        int fd = created(&rig, "/f");
        write_at(&rig, fd, "hello", 5, 0, 0);
        write_at(&rig, fd, "world", 5, 3, 0);
        crash(&rig);
        int64_t length = content(&rig, "/f", found[0], 16);
        sr_sim_tape(rig.sim, &tape, &size);

        struct sr_sim_options options = sr_sim_options_default();
        struct sr_sim *again;
        options.tape = tape;
        options.tape_size = size;
        assert_int_equal(sr_sim_new(&again, &options), 0);
        struct rig twin = rig_of(again);
        fd = created(&twin, "/f");
        write_at(&twin, fd, "hello", 5, 0, 0);
        write_at(&twin, fd, "world", 5, 3, 0);
        crash(&twin);

        assert_int_equal(content(&twin, "/f", found[1], 16), length);
        assert_memory_equal(found[0], found[1], 16);
        end(&rig);
        end(&twin);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_kind_loss_of_power_loses_nothing),
    cmocka_unit_test(what_was_synced_survives_every_loss_of_power),
    cmocka_unit_test(without_a_sync_everything_may_happen_to_a_new_file),
    cmocka_unit_test(a_file_synced_without_its_directory_is_whole_or_missing),
    cmocka_unit_test(a_directory_synced_without_its_file_has_a_name_for_anything),
    cmocka_unit_test(a_write_may_ask_for_its_own_sync),
    cmocka_unit_test(a_written_out_range_is_not_safe),
    cmocka_unit_test(a_page_is_torn_by_sectors),
    cmocka_unit_test(writes_reach_the_disk_in_any_order),
    cmocka_unit_test(an_earlier_state_may_be_what_survives),
    cmocka_unit_test(a_rename_is_all_or_nothing),
    cmocka_unit_test(a_rename_between_directories_is_all_or_nothing),
    cmocka_unit_test(what_was_unlinked_may_come_back),
    cmocka_unit_test(a_removed_directory_takes_nothing_along),
    cmocka_unit_test(a_lost_directory_loses_what_is_in_it),
    cmocka_unit_test(attributes_need_a_sync_of_all),
    cmocka_unit_test(without_power_every_operation_ends_with_an_error),
    cmocka_unit_test(what_waits_ends_when_power_is_lost),
    cmocka_unit_test(power_is_lost_after_so_many_operations),
    cmocka_unit_test(a_reboot_needs_its_rings_closed_and_ends_the_rest),
    cmocka_unit_test(a_lost_file_takes_no_room),
    cmocka_unit_test(the_loop_loses_power_after_every_operation),
    cmocka_unit_test(a_loss_of_power_repeats),
};

SR_TEST_MAIN(tests)
