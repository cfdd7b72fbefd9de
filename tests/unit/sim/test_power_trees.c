/*
 * Random trees that lose power again and again: what is left is a tree, links are counted right, and no room is lost.
 */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "raw_ring.h"
#include "safer_ring/sim.h"

#define DISK_PAGES 64u
#define DEPTH_MOST 12
#define FILES_MOST 256
#define ROOT 1 /* the number of the root's inode */

struct garden {
    struct sr_sim *sim;
    struct raw_ring raw;
    uint64_t state;
    struct {
        uint64_t number;
        uint32_t links;
        uint32_t seen;
    } files[FILES_MOST];
    unsigned file_count;
};

static unsigned below(struct garden *g, unsigned n)
{
    g->state = g->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((g->state >> 33) % n);
}

static int run(struct garden *g)
{
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_submit_and_wait(&g->raw, 1), 1);
    assert_true(raw_ring_take(&g->raw, &cqe));
    return cqe.res;
}

static struct io_uring_sqe *entry(struct garden *g)
{
    return raw_ring_sqe(&g->raw, 1);
}

static void any_path(struct garden *g, char path[16])
{
    size_t length = 0;
    for (unsigned depth = 1 + below(g, 3); depth > 0; depth--) {
        path[length++] = '/';
        path[length++] = (char)('a' + below(g, 3));
    }
    path[length] = 0;
}

static int open_it(struct garden *g, const char *path, int flags)
{
    io_uring_prep_openat(entry(g), AT_FDCWD, path, flags, 0644);
    return run(g);
}

static void close_it(struct garden *g, int fd)
{
    io_uring_prep_close(entry(g), fd);
    assert_int_equal(run(g), 0);
}

static void write_some(struct garden *g, const char *path)
{
    static const char bytes[9000];
    int fd = open_it(g, path, O_RDWR | O_CREAT);
    if (fd < 0)
        return;
    io_uring_prep_write(entry(g), fd, bytes, 1 + below(g, sizeof bytes), below(g, 2) * UINT64_C(4096));
    (void)run(g);
    io_uring_prep_fsetxattr(entry(g), fd, "user.a", path, 0, (unsigned)strlen(path));
    (void)run(g);
    if (below(g, 3) != 0) /* the others stay open: a loss of power finds them so */
        close_it(g, fd);
}

static void sync_some(struct garden *g, const char *path)
{
    int fd = open_it(g, below(g, 2) == 0 ? "/" : path, O_RDONLY);
    if (fd < 0)
        return;
    io_uring_prep_fsync(entry(g), fd, 0);
    assert_int_equal(run(g), 0);
    close_it(g, fd);
}

static void change(struct garden *g)
{
    char one[16];
    char other[16];
    any_path(g, one);
    any_path(g, other);
    switch (below(g, 9)) {
    case 0:
    case 1: io_uring_prep_mkdirat(entry(g), AT_FDCWD, one, 0755); break;
    case 2:
    case 3: io_uring_prep_renameat(entry(g), AT_FDCWD, one, AT_FDCWD, other, below(g, 4) == 0 ? 2 : 0); break;
    case 4: io_uring_prep_unlinkat(entry(g), AT_FDCWD, one, below(g, 2) == 0 ? AT_REMOVEDIR : 0); break;
    case 5: io_uring_prep_linkat(entry(g), AT_FDCWD, one, AT_FDCWD, other, 0); break;
    case 6: io_uring_prep_symlinkat(entry(g), other, AT_FDCWD, one); break;
    case 7: write_some(g, one); return;
    default: sync_some(g, one); return;
    }
    (void)run(g);
}

static void note_file(struct garden *g, const struct statx *status)
{
    unsigned i = 0;
    while (i < g->file_count && g->files[i].number != status->stx_ino)
        i++;
    assert_in_range(i, 0, FILES_MOST - 1);
    if (i == g->file_count) {
        g->files[i].number = status->stx_ino;
        g->files[i].links = status->stx_nlink;
        g->files[i].seen = 0;
        g->file_count++;
    }
    g->files[i].seen++;
}

/* The way up from a directory leads to where it was come from. */
static void check_above(struct garden *g, const char *path, uint64_t above)
{
    struct statx status;
    char up[80];
    snprintf(up, sizeof up, "%s/..", path);
    memset(&status, 0, sizeof status);
    io_uring_prep_statx(entry(g), AT_FDCWD, up, 0, STATX_BASIC_STATS, &status);
    assert_int_equal(run(g), 0);
    assert_int_equal(status.stx_ino, above);
}

/* Everything below a path: noted, and with `remove` taken away. Directories count their directories. */
static bool visit(struct garden *g, const char *path, uint64_t above, bool remove, unsigned depth)
{
    struct statx status;
    unsigned directories = 0;
    assert_in_range(depth, 0, DEPTH_MOST);
    memset(&status, 0, sizeof status);
    io_uring_prep_statx(entry(g), AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status);
    int rc = run(g);
    if (rc == -ENOENT)
        return false;
    assert_int_equal(rc, 0);
    bool is_directory = S_ISDIR(status.stx_mode);
    if (is_directory)
        check_above(g, path, above);
    else
        note_file(g, &status);
    for (char name = 'a'; is_directory && name <= 'c'; name++) {
        char below_it[64];
        snprintf(below_it, sizeof below_it, "%s/%c", depth == 0 ? "" : path, name);
        directories += visit(g, below_it, status.stx_ino, remove, depth + 1);
    }
    if (is_directory && !remove)
        assert_int_equal(status.stx_nlink, 2 + directories);
    if (remove && depth > 0) {
        io_uring_prep_unlinkat(entry(g), AT_FDCWD, path, is_directory ? AT_REMOVEDIR : 0);
        assert_int_equal(run(g), 0);
    }
    return is_directory;
}

static void check_tree(struct garden *g)
{
    g->file_count = 0;
    visit(g, "/", ROOT, false, 0);
    for (unsigned i = 0; i < g->file_count; i++)
        assert_int_equal(g->files[i].links, g->files[i].seen);
}

static void crash(struct garden *g)
{
    sr_sim_power_loss(g->sim);
    raw_ring_close(&g->raw);
    assert_int_equal(sr_sim_reboot(g->sim), 0);
    assert_int_equal(raw_ring_open(&g->raw, sr_sim_backend(g->sim), 8, 0), 0);
}

/* With nothing left, the whole disk can be filled. */
static void check_room(struct garden *g)
{
    static const char bytes[DISK_PAGES * 4096];
    g->file_count = 0;
    visit(g, "/", ROOT, true, 0);
    int fd = open_it(g, "/whole", O_RDWR | O_CREAT);
    io_uring_prep_write(entry(g), fd, bytes, sizeof bytes, 0);
    assert_int_equal(run(g), sizeof bytes);
    close_it(g, fd);
}

static void a_tree_that_lost_power_is_a_tree(void **state)
{
    (void)state;
    struct garden g;
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_POWER;
    options.disk_bytes = DISK_PAGES * 4096;
    assert_int_equal(sr_sim_new(&g.sim, NULL), 0);
    for (uint64_t seed = 1; seed <= 600; seed++) {
        options.seed = seed;
        g.state = seed;
        assert_int_equal(sr_sim_reset(g.sim, &options), 0);
        assert_int_equal(raw_ring_open(&g.raw, sr_sim_backend(g.sim), 8, 0), 0);
        for (int boot = 0; boot < 4; boot++) {
            for (int i = 0; i < 60; i++)
                change(&g);
            crash(&g);
            check_tree(&g);
        }
        check_room(&g);
        raw_ring_close(&g.raw);
    }
    sr_sim_free(&g.sim);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_tree_that_lost_power_is_a_tree),
};

SR_TEST_MAIN(tests)
