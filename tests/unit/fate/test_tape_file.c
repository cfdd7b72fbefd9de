/*
 * The tape file: what is refused, where and why, and that writing leaves a whole file or none.
 */
#include "main.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fate/tape_file.h"

static const uint8_t some_body[] = {1, 0, '\n', 255, 7};

static struct sri_tape_file example(void)
{
    struct sri_tape_file file = {
        .semantics = 3, .points = 0xabcdef, .seed = 99, .body = some_body, .size = sizeof some_body};
    strcpy(file.program, "echo");
    strcpy(file.world, "sim");
    strcpy(file.knobs, "entries=8\nbackend=sim\n");
    return file;
}

static size_t formatted(uint8_t bytes[1024])
{
    struct sri_tape_file file = example();
    struct sri_tape_error error;
    size_t size = sri_tape_file_format(&file, bytes, 1024, &error);
    assert_in_range(size, 1, 1024);
    return size;
}

static void what_was_put_together_comes_apart_again(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct sri_tape_file file;
    struct sri_tape_error error;
    size_t size = formatted(bytes);

    assert_int_equal(sri_tape_file_parse(&file, bytes, size, &error), 0);

    assert_string_equal(file.program, "echo");
    assert_string_equal(file.world, "sim");
    assert_string_equal(file.knobs, "entries=8\nbackend=sim\n");
    assert_int_equal(file.semantics, 3);
    assert_int_equal(file.points, 0xabcdef);
    assert_int_equal(file.seed, 99);
    assert_int_equal(file.size, sizeof some_body);
    assert_memory_equal(file.body, some_body, sizeof some_body);
}

/* Every single changed byte is noticed, and every cut, with a position inside the file and a reason. */
static void every_changed_byte_and_every_cut_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct sri_tape_file file;
    struct sri_tape_error error;
    size_t size = formatted(bytes);

    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x11;
        assert_int_equal(sri_tape_file_parse(&file, bytes, size, &error), -EBADMSG);
        assert_in_range(error.position, 0, size);
        assert_true(error.reason[0] != 0);
        bytes[i] ^= 0x11;
        assert_int_equal(sri_tape_file_parse(&file, bytes, i, &error), -EBADMSG);
        assert_in_range(error.position, 0, i);
    }
    bytes[size] = 0;
    assert_int_equal(sri_tape_file_parse(&file, bytes, size + 1, &error), -EBADMSG);
}

static void an_error_names_the_byte(void **state)
{
    (void)state;
    static const char text[] = "safer-ring-tape\nformat=1\nprogram=x\nworld=sim\nsemantics=1z\n";
    struct sri_tape_file file;
    struct sri_tape_error error;

    assert_int_equal(sri_tape_file_parse(&file, (const uint8_t *)text, sizeof text - 1, &error), -EBADMSG);

    assert_int_equal(error.position, strstr(text, "1z") + 1 - text);
    assert_string_equal(error.reason, "not a digit");
}

static void another_version_is_a_warning_and_no_refusal(void **state)
{
    (void)state;
    struct sri_tape_file file = example();
    char text[200];

    assert_int_equal(sri_tape_file_warning(&file, 3, 0xabcdef, text, sizeof text), 0);
    assert_int_equal(sri_tape_file_warning(&file, 4, 0xabcdef, text, sizeof text), 1);
    assert_int_equal(sri_tape_file_warning(&file, 3, 0xabcdee, text, sizeof text), 1);
}

static void names_and_knobs_with_line_breaks_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct sri_tape_error error;
    struct sri_tape_file file = example();

    strcpy(file.program, "a\nb");
    assert_int_equal(sri_tape_file_format(&file, bytes, sizeof bytes, &error), 0);
    file = example();
    strcpy(file.knobs, "no equals sign\n");
    assert_int_equal(sri_tape_file_format(&file, bytes, sizeof bytes, &error), 0);
    strcpy(file.knobs, "a=b");
    assert_int_equal(sri_tape_file_format(&file, bytes, sizeof bytes, &error), 0);
}

static int entries_in(const char *folder)
{
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static void a_written_file_is_read_back_and_nothing_else_is_left(void **state)
{
    (void)state;
    char folder[] = "/tmp/safer-ring-tape-XXXXXX";
    char path[64];
    struct sri_tape_file file = example();
    struct sri_tape_file read_back;
    struct sri_tape_error error;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t", folder);

    assert_int_equal(sri_tape_file_write(&file, path, &error), 0);
    assert_int_equal(sri_tape_file_write(&file, path, &error), 0);

    assert_int_equal(entries_in(folder), 1);
    assert_int_equal(sri_tape_file_read(&read_back, path, &error), 0);
    assert_int_equal(read_back.size, sizeof some_body);
    assert_memory_equal(read_back.body, some_body, sizeof some_body);
    sri_tape_file_fini(&read_back);
    unlink(path);
    rmdir(folder);
}

static void a_file_that_can_not_be_written_says_so(void **state)
{
    (void)state;
    struct sri_tape_file file = example();
    struct sri_tape_error error;

    assert_int_equal(sri_tape_file_write(&file, "/nonexistent/folder/t", &error), -ENOENT);
    assert_non_null(strstr(error.reason, "No such file"));
    assert_int_equal(sri_tape_file_write(&file, "/proc/t", &error), -ENOENT);
    assert_int_equal(sri_tape_file_read(&file, "/nonexistent", &error), -ENOENT);
    assert_int_equal(sri_tape_file_read(&file, "/tmp", &error), -EINVAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_put_together_comes_apart_again),
    cmocka_unit_test(every_changed_byte_and_every_cut_is_refused),
    cmocka_unit_test(an_error_names_the_byte),
    cmocka_unit_test(another_version_is_a_warning_and_no_refusal),
    cmocka_unit_test(names_and_knobs_with_line_breaks_are_refused),
    cmocka_unit_test(a_written_file_is_read_back_and_nothing_else_is_left),
    cmocka_unit_test(a_file_that_can_not_be_written_says_so),
};

SR_TEST_MAIN(tests)
