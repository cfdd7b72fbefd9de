/*
 * The door to the program's memory: bad addresses, marks of sanitizers, strings and sums.
 */
#include "support/main.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/unseen.h"
#include "engine/user.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

static struct sri_user user;

/* What is not mapped, or not for this access, is -EFAULT, and nothing is copied. */
static void a_bad_address_is_a_fault(void **state)
{
    (void)state;
    char byte = 'x';
    sri_user_init(&user);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + 4096, 4096, PROT_READ), 0);

    assert_int_equal(sri_user_copy_in(&user, &byte, NULL, 1), -EFAULT);
    assert_int_equal(sri_user_copy_in(&user, &byte, (void *)4096, 1), -EFAULT);
    assert_int_equal(sri_user_copy_in(&user, &byte, (void *)UINTPTR_MAX, 1), -EFAULT);
    assert_int_equal(sri_user_copy_in(&user, &byte, NULL, 0), 0);
    assert_int_equal(sri_user_copy_out(&user, pages + 4095, "ab", 2), -EFAULT);
    assert_int_equal(pages[4095], 0);
    assert_int_equal(sri_user_copy_out(&user, pages + 4094, "ab", 2), 0);
    assert_int_equal(sri_user_copy_in(&user, &byte, pages + 4096, 1), 0);

    assert_int_equal(munmap(pages, 8192), 0);
    sri_user_forget(&user, pages, 8192);
    assert_int_equal(sri_user_copy_in(&user, &byte, pages, 1), -EFAULT);
}

/* Forgetting nothing is no matter, of what was never known neither; of more than is ever known all is forgotten. */
static void whatever_is_forgotten_is_asked_for_again(void **state)
{
    (void)state;
    char byte;
    sri_user_init(&user);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    assert_int_equal(sri_user_copy_in(&user, &byte, page, 1), 0);
    assert_int_equal(munmap(page, 4096), 0);
    sri_user_forget(&user, page + 4096 - 1, 0);
    assert_int_equal(sri_user_readable(&user, page, 0), 0);
    assert_int_equal(sri_user_copy_in(&user, &byte, page, 1), -EFAULT);

    for (size_t size = (size_t)1 << 20; size <= (size_t)1 << 40; size <<= 20) {
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(page != MAP_FAILED);
        assert_int_equal(sri_user_copy_in(&user, &byte, page, 1), 0);
        assert_int_equal(munmap(page, 4096), 0);
        sri_user_forget(&user, page, size);
        assert_int_equal(sri_user_copy_in(&user, &byte, page, 1), -EFAULT);
    }
}

/* A word is no more closed than its bytes: one at a block's end is not; and long ranges are summed as short ones are. */
static void the_end_of_a_block_is_summed(void **state)
{
    (void)state;
    const size_t sizes[] = {12, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = malloc(sizes[i]);
        memset(block, 'x', sizes[i]);
        uint64_t sum = sri_user_sum(block, sizes[i], 1);
        block[sizes[i] - 1] = 'y';
        assert_int_not_equal(sri_user_sum(block, sizes[i], 1), sum);
        free(block);
    }
}

/* Bytes poisoned for the program are not for the kernel; the marks are as before. */
static void poisoned_bytes_are_reached(void **state)
{
    (void)state;
    char buffer[2 * SRI_USER_EDGE] __attribute__((aligned(8))) = "";
    char copy[sizeof buffer];
    sri_user_init(&user);
#ifdef HAVE_ASAN
    ASAN_POISON_MEMORY_REGION(buffer, sizeof buffer);
#endif

    assert_int_equal(sri_user_copy_out(&user, buffer, "hello", 6), 0);
    assert_int_equal(sri_user_copy_in(&user, copy, buffer, sizeof copy), 0);
    assert_int_equal(sri_user_sum(buffer, sizeof buffer, 1), sri_user_sum(copy, sizeof copy, 1));
    assert_int_equal(sri_user_sum_edges(buffer, sizeof buffer, 1), sri_user_sum_edges(copy, sizeof copy, 1));
    sri_user_fill(buffer, 7, sizeof buffer);
    assert_int_equal(sri_user_same(buffer, 7, sizeof buffer), sizeof buffer);

#ifdef HAVE_ASAN
    assert_true(__asan_address_is_poisoned(buffer));
    ASAN_UNPOISON_MEMORY_REGION(buffer, sizeof buffer);
#endif
    assert_string_equal(copy, "hello");
}

/* What is known of a page is known of this access alone, and forgotten with the range it is in, neighbours apart. */
static void pages_are_known_one_by_one(void **state)
{
    (void)state;
    enum {
        PAGES = 200
    };
    char byte = 'x';
    sri_user_init(&user);
    char *pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(sri_user_readable(&user, pages, PAGES * 4096), 0);
    assert_int_equal(sri_user_writable(&user, pages + 70 * 4096, 100 * 4096), 0);

    assert_int_equal(mprotect(pages, PAGES * 4096, PROT_READ), 0);
    sri_user_forget(&user, pages + 100 * 4096 + 4095, 2);
    assert_int_equal(sri_user_writable(&user, pages + 70 * 4096, 30 * 4096), 0);
    assert_int_equal(sri_user_writable(&user, pages + 102 * 4096, 68 * 4096), 0);
    assert_int_equal(sri_user_writable(&user, pages + 100 * 4096, 1), -EFAULT);
    assert_int_equal(sri_user_writable(&user, pages + 101 * 4096, 1), -EFAULT);
    assert_int_equal(sri_user_writable(&user, pages + 69 * 4096, 4097), -EFAULT);
    assert_int_equal(sri_user_writable(&user, pages + 170 * 4096 - 1, 2), -EFAULT);
    assert_int_equal(munmap(pages + 101 * 4096, 4096), 0);
    assert_int_equal(sri_user_readable(&user, pages, 101 * 4096), 0);
    assert_int_equal(sri_user_readable(&user, pages, PAGES * 4096), -EFAULT);
    assert_int_equal(sri_user_copy_in(&user, &byte, pages + 101 * 4096, 1), -EFAULT);
    munmap(pages, PAGES * 4096);
}

/* A string is copied up to its end, which must be within reach and within the room. */
static void a_string_is_copied_with_its_end(void **state)
{
    (void)state;
    char to[8];
    sri_user_init(&user);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(munmap(pages + 4096, 4096), 0);
    memcpy(pages + 4092, "abc", 4);

    assert_int_equal(sri_user_copy_string(&user, to, pages + 4092, sizeof to), 3);
    assert_string_equal(to, "abc");
    assert_int_equal(sri_user_copy_string(&user, to, pages + 4092, 3), -ENAMETOOLONG);
    pages[4095] = 'd';
    assert_int_equal(sri_user_copy_string(&user, to, pages + 4092, sizeof to), -EFAULT);
    assert_int_equal(sri_user_copy_string(&user, to, NULL, sizeof to), -EFAULT);
    munmap(pages, 4096);
}

/* Traces of one seed are compared between machines, compilers and builds, so a sum is one number everywhere. */
static void a_sum_is_the_same_everywhere(void **state)
{
    (void)state;
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 131 + (i >> 3));

    uint64_t all = 0;
    for (size_t begin = 0; begin < 9; begin++) {
        for (size_t length = 0; begin + length <= sizeof bytes; length++)
            all = all * 31 + sri_user_sum(bytes + begin, length, all);
    }

    assert_int_equal(all, UINT64_C(0xbd288a728d54dfe));
}

/* Long ranges are summed by the processor's own rounds where it has them, and the sum is what it would be without. */
static void a_processor_sums_as_any_other(void **state)
{
    (void)state;
    static unsigned char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 131 + (i >> 3));

    uint64_t all = 0;
    for (size_t begin = 0; begin < 4; begin++) {
        for (size_t length = 1; begin + length <= sizeof bytes; length += 1 + length / 7) {
            uint64_t sum = sri_user_sum(bytes + begin, length, all);
            assert_int_equal(sum, sri_sum_plainly(bytes + begin, length, all));
            all = all * 31 + sum;
        }
    }

    assert_int_equal(all, UINT64_C(0xe45496842818cedb));
}

/* A sum depends on every byte, on the length and on the seed. */
static void a_sum_depends_on_all(void **state)
{
    (void)state;
    static unsigned char bytes[1000];
    memset(bytes, 1, sizeof bytes);
    uint64_t sum = sri_user_sum(bytes, sizeof bytes, 1);

    assert_true(sum != sri_user_sum(bytes, sizeof bytes, 2));
    assert_true(sum != sri_user_sum(bytes, sizeof bytes - 1, 1));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        assert_true(sum != sri_user_sum(bytes, sizeof bytes, 1));
        assert_int_equal(sri_user_same(bytes, 1, sizeof bytes), i);
        bytes[i] ^= 1;
    }
}

/* A sum of the edges depends on the bytes at both ends and in the middle, on no others, on the length and on the seed. */
static void a_sum_of_edges_depends_on_those(void **state)
{
    (void)state;
    static unsigned char bytes[1000];
    memset(bytes, 1, sizeof bytes);
    uint64_t sum = sri_user_sum_edges(bytes, sizeof bytes, 1);

    assert_true(sum != sri_user_sum_edges(bytes, sizeof bytes, 2));
    assert_true(sum != sri_user_sum_edges(bytes, sizeof bytes - 1, 1));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bool at_edge = i < SRI_USER_EDGE || i >= sizeof bytes - SRI_USER_EDGE;
        bool in_middle = i >= sizeof bytes / 2 && i < sizeof bytes / 2 + SRI_USER_EDGE;
        bytes[i] ^= 1;
        assert_int_equal(sum != sri_user_sum_edges(bytes, sizeof bytes, 1), at_edge || in_middle);
        bytes[i] ^= 1;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_bad_address_is_a_fault),
    cmocka_unit_test(whatever_is_forgotten_is_asked_for_again),
    cmocka_unit_test(the_end_of_a_block_is_summed),
    cmocka_unit_test(poisoned_bytes_are_reached),
    cmocka_unit_test(pages_are_known_one_by_one),
    cmocka_unit_test(a_string_is_copied_with_its_end),
    cmocka_unit_test(a_sum_is_the_same_everywhere),
    cmocka_unit_test(a_processor_sums_as_any_other),
    cmocka_unit_test(a_sum_depends_on_all),
    cmocka_unit_test(a_sum_of_edges_depends_on_those),
};

SR_TEST_MAIN(tests)
