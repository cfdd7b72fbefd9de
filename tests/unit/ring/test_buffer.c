/*
 * Owned buffers on the program's side: rules BUF-1, BUF-2, BUF-4, BUF-6, BUF-9, ARG-3.
 */
#include <string.h>

#include "safer_ring/buffer.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

SR_UNCHECKED static struct sr_buffer *new_buffer(size_t size)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_buffer_new(&buffer, size), 0);
    assert_non_null(buffer);
    return buffer;
}

SR_UNCHECKED static void release(struct sr_buffer **buffer)
{
    assert_int_equal(sr_buffer_release(buffer), 0);
    assert_null(*buffer);
}

/* A buffer of one byte, as the smallest, and of odd sizes, with all its bytes zero and its own size. */
SR_UNCHECKED static void a_new_buffer_has_its_size_and_is_zero(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 9, 4095, 4096, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sr_buffer *buffer = new_buffer(sizes[i]);
        assert_int_equal(sr_buffer_size(buffer), sizes[i]);
        assert_true(sr_buffer_is_user_owned(buffer));

        struct sr_guard guard;
        assert_int_equal(sr_buffer_try_access(&buffer, &guard), 0);
        assert_int_equal(sr_guard_size(&guard), sizes[i]);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(sr_guard_bytes(&guard)[at], 0);
        sr_guard_end(&guard, &buffer);
        release(&buffer);
    }
}

/* A copy holds the bytes, and is not the bytes. */
SR_UNCHECKED static void a_copy_holds_the_bytes(void **state)
{
    (void)state;
    char text[] = "hello";
    struct sr_buffer *buffer = NULL;

    assert_int_equal(sr_buffer_copy_of(&buffer, text, sizeof text), 0);
    text[0] = 'j';

    struct sr_guard guard;
    assert_int_equal(sr_buffer_size(buffer), sizeof text);
    assert_int_equal(sr_buffer_try_access(&buffer, &guard), 0);
    assert_string_equal((char *)sr_guard_bytes(&guard), "hello");
    sr_guard_end(&guard, &buffer);
    release(&buffer);
}

/* No place to put it, no bytes, nothing to copy: refused, and *out is not written. */
SR_UNCHECKED static void a_buffer_of_nothing_is_refused(void **state)
{
    (void)state;
    struct sr_buffer *const untouched = (struct sr_buffer *)(void *)state;
    struct sr_buffer *out = untouched;

    assert_int_equal(sr_buffer_new(NULL, 1), -EINVAL);
    assert_int_equal(sr_buffer_new(&out, 0), -EINVAL);
    assert_int_equal(sr_buffer_copy_of(NULL, "a", 1), -EINVAL);
    assert_int_equal(sr_buffer_copy_of(&out, NULL, 1), -EINVAL);
    assert_int_equal(sr_buffer_copy_of(&out, "a", 0), -EINVAL);

    assert_ptr_equal(out, untouched);
}

/* More bytes than there can be is -ENOMEM, also where rounding up would wrap. */
SR_UNCHECKED static void a_buffer_beyond_memory_is_refused(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    counter.fails_from = 1;
    struct sr_buffer *out = NULL;

    assert_int_equal(sr_buffer_new(&out, SIZE_MAX), -ENOMEM);
    assert_int_equal(sr_buffer_new(&out, SIZE_MAX - 6), -ENOMEM);
    assert_int_equal(sr_buffer_new(&out, SIZE_MAX - 7), -ENOMEM);
    assert_int_equal(sr_buffer_copy_of(&out, "a", SIZE_MAX), -ENOMEM);
    assert_int_equal(sr_buffer_new(&out, 16), -ENOMEM);

    assert_null(out);
    counting_allocator_remove();
}

/* When the header can't be had the bytes go back. */
SR_UNCHECKED static void a_missing_header_leaks_no_bytes(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    counter.fails_at = 2; /* the first is the bytes, the second the slab of headers of a fresh process */
    struct sr_buffer *out = NULL;

    assert_int_equal(sr_buffer_new(&out, 16), -ENOMEM);

    assert_null(out);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* Headers are never given back; bytes always are (BUF-9). */
SR_UNCHECKED static void releasing_gives_the_bytes_back(void **state)
{
    (void)state;
    struct sr_buffer *first = new_buffer(1);
    release(&first);
    struct counting_allocator counter;
    counting_allocator_install(&counter);

    for (int i = 0; i < 1000; i++) {
        struct sr_buffer *buffer = new_buffer(64);
        assert_int_equal(counter.blocks, 1);
        release(&buffer);
        assert_int_equal(counter.blocks, 0);
    }

    counting_allocator_remove();
}

/* NULL has no size and is nobody's; releasing, opening and abandoning it is -EINVAL. */
SR_UNCHECKED static void null_is_no_buffer(void **state)
{
    (void)state;
    struct sr_buffer *none = NULL;
    struct sr_guard guard;
    struct sr_buffer *buffer = new_buffer(8);

    assert_int_equal(sr_buffer_size(NULL), 0);
    assert_false(sr_buffer_is_user_owned(NULL));
    assert_int_equal(sr_buffer_release(NULL), -EINVAL);
    assert_int_equal(sr_buffer_release(&none), -EINVAL);
    assert_int_equal(sr_buffer_try_access(NULL, &guard), -EINVAL);
    assert_int_equal(sr_buffer_try_access(&none, &guard), -EINVAL);
    assert_int_equal(sr_buffer_try_access(&buffer, NULL), -EINVAL);
    assert_int_equal(sr_guard_abandon(NULL), -EINVAL);

    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

/* While a guard is out the buffer is the guard's: a copied pointer can't open, release or join it (BUF-6). */
SR_UNCHECKED static void a_guarded_buffer_is_the_guards(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *copy = buffer;
    struct sr_buffer *vector = NULL;
    struct sr_guard guard;
    struct sr_guard second = {0};

    assert_int_equal(sr_buffer_try_access(&buffer, &guard), 0);

    assert_null(buffer);
    assert_false(sr_buffer_is_user_owned(copy));
    assert_int_equal(sr_buffer_size(copy), 8);
    assert_int_equal(sr_buffer_try_access(&copy, &second), SR_EBUFFER_IN_FLIGHT);
    assert_null(second.buffer);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_join(&vector, &copy, 1), SR_EBUFFER_IN_FLIGHT);
    assert_null(vector);
    assert_non_null(copy);

    sr_guard_end(&guard, &buffer);
    assert_ptr_equal(buffer, copy);
    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

/* A guard that ended is empty; ending it again, or a copy of it, gives NULL and changes nothing. */
SR_UNCHECKED static void a_guard_ends_once(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_guard guard;
    assert_int_equal(sr_buffer_try_access(&buffer, &guard), 0);
    struct sr_guard copy = guard;
    sr_guard_end(&guard, &buffer);

    struct sr_buffer *again = buffer;
    sr_guard_end(&guard, &again);
    assert_null(again);
    sr_guard_end(&copy, &again);
    assert_null(again);

    assert_null(sr_guard_bytes(&guard));
    assert_int_equal(sr_guard_size(&guard), 0);
    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

/* A guard whose frame was jumped out of is abandoned by a copied pointer; without a guard there is nothing to abandon. */
SR_UNCHECKED static void a_lost_guard_can_be_abandoned(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *copy = buffer;
    struct sr_guard lost;
    assert_int_equal(sr_guard_abandon(copy), SR_EINVALID_STATE);
    assert_int_equal(sr_buffer_try_access(&buffer, &lost), 0);

    assert_int_equal(sr_guard_abandon(copy), 0);

    assert_true(sr_buffer_is_user_owned(copy));
    assert_int_equal(sr_guard_abandon(copy), SR_EINVALID_STATE);
    release(&copy);
}

/* A released buffer can't be released, opened or lent through a copied pointer: the header lives and answers (BUF-4). */
SR_UNCHECKED static void a_second_release_by_a_copied_pointer_is_refused(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *copy = buffer;
    struct sr_guard guard;
    release(&buffer);

    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_try_access(&copy, &guard), SR_EBUFFER_IN_FLIGHT);
    assert_false(sr_buffer_is_user_owned(copy));
    assert_int_equal(sr_buffer_size(copy), 0);
    assert_non_null(copy);
}

/* The scope form opens the bytes once and gives the buffer back at its end. */
SR_UNCHECKED static void a_scope_runs_once_and_gives_the_buffer_back(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *copy = buffer;
    int runs = 0;

    SR_BUFFER_SCOPE(guard, &buffer)
    {
        runs++;
        assert_null(buffer);
        assert_int_equal(sr_guard_size(&guard), 8);
        sr_guard_bytes(&guard)[7] = 9;
    }

    assert_int_equal(runs, 1);
    assert_ptr_equal(buffer, copy);
    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

/* Leaving a scope by break or by continue gives the buffer back. */
SR_UNCHECKED static void leaving_a_scope_by_break_gives_the_buffer_back(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);
    int runs = 0;

    SR_BUFFER_SCOPE(guard, &buffer)
    {
        if (sr_guard_size(&guard) == 8)
            break;
        runs++;
    }
    assert_true(sr_buffer_is_user_owned(buffer));
    SR_BUFFER_SCOPE(guard, &buffer)
    {
        if (sr_guard_size(&guard) == 8)
            continue;
        runs++;
    }

    assert_int_equal(runs, 0);
    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

SR_UNCHECKED static size_t size_by_return(struct sr_buffer **buffer)
{
    SR_BUFFER_SCOPE(guard, buffer)
    return sr_guard_size(&guard);
    return 0;
}

/* Leaving a scope by return gives the buffer back. */
SR_UNCHECKED static void leaving_a_scope_by_return_gives_the_buffer_back(void **state)
{
    (void)state;
    struct sr_buffer *buffer = new_buffer(8);

    assert_int_equal(size_by_return(&buffer), 8);

    assert_true(sr_buffer_is_user_owned(buffer));
    release(&buffer);
}

/* Leaving a scope by goto gives the buffer back, also out of two of them. */
SR_UNCHECKED static void leaving_scopes_by_goto_gives_the_buffers_back(void **state)
{
    (void)state;
    struct sr_buffer *one = new_buffer(1);
    struct sr_buffer *two = new_buffer(2);

    SR_BUFFER_SCOPE(outer, &one)
    {
        SR_BUFFER_SCOPE(inner, &two)
        {
            if (sr_guard_size(&inner) + sr_guard_size(&outer) == 3)
                goto out;
        }
        fail();
    }
out:
    assert_true(sr_buffer_is_user_owned(one));
    assert_true(sr_buffer_is_user_owned(two));
    release(&one);
    release(&two);
}

/* The scope of a buffer that is not the program's does not run, and the handle is as it was. */
SR_UNCHECKED static void a_scope_without_access_does_not_run(void **state)
{
    (void)state;
    struct sr_buffer *none = NULL;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *copy = buffer;

    SR_BUFFER_SCOPE(guard, &none)
    fail_msg("%zu bytes of nothing", sr_guard_size(&guard));
    SR_BUFFER_SCOPE(outer, &buffer)
    {
        SR_BUFFER_SCOPE(inner, &copy)
        fail_msg("%zu bytes twice", sr_guard_size(&inner));
        assert_int_equal(sr_guard_size(&outer), 8);
    }

    assert_null(none);
    assert_ptr_equal(copy, buffer);
    release(&buffer);
}

/* Joined parts become one object with their sum; taken apart they come back in their order. */
SR_UNCHECKED static void a_vector_holds_its_parts_in_order(void **state)
{
    (void)state;
    struct sr_buffer *parts[3] = {new_buffer(1), new_buffer(20), new_buffer(300)};
    struct sr_buffer *const copies[3] = {parts[0], parts[1], parts[2]};
    struct sr_buffer *back[3] = {NULL};
    struct sr_buffer *vector = NULL;

    assert_int_equal(sr_buffer_join(&vector, parts, 3), 0);

    assert_int_equal(sr_buffer_size(vector), 321);
    assert_true(sr_buffer_is_user_owned(vector));
    for (int i = 0; i < 3; i++) {
        assert_null(parts[i]);
        assert_false(sr_buffer_is_user_owned(copies[i]));
    }

    assert_int_equal(sr_buffer_split(&vector, back, 3), 0);
    assert_null(vector);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(back[i], copies[i]);
        assert_true(sr_buffer_is_user_owned(back[i]));
        release(&back[i]);
    }
}

/* A part of a vector can't be touched by a copied pointer, and the vector can't be opened: split it first. */
SR_UNCHECKED static void parts_of_a_vector_are_the_vectors(void **state)
{
    (void)state;
    struct sr_buffer *part = new_buffer(8);
    struct sr_buffer *copy = part;
    struct sr_buffer *vector = NULL;
    struct sr_guard guard;
    assert_int_equal(sr_buffer_join(&vector, &part, 1), 0);

    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_try_access(&copy, &guard), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_try_access(&vector, &guard), -EINVAL);

    assert_non_null(vector);
    release(&vector);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
}

/* A joined set that can't be is refused, and every part is the program's as before. */
SR_UNCHECKED static void each_wrong_join_is_refused_and_moves_nothing(void **state)
{
    (void)state;
    struct sr_buffer *a = new_buffer(1);
    struct sr_buffer *b = new_buffer(2);
    struct sr_buffer *inner_part = new_buffer(3);
    struct sr_buffer *inner = NULL;
    struct sr_buffer *guarded = new_buffer(4);
    struct sr_buffer *guarded_copy = guarded;
    struct sr_guard guard;
    struct sr_buffer *out = NULL;
    assert_int_equal(sr_buffer_join(&inner, &inner_part, 1), 0);
    assert_int_equal(sr_buffer_try_access(&guarded, &guard), 0);

    struct {
        struct sr_buffer *parts[3];
        int refusal;
    } rows[] = {
        {{a, b, NULL}, -EINVAL},
        {{NULL, a, b}, -EINVAL},
        {{a, b, inner}, -EINVAL},
        {{a, b, a}, SR_EBUFFER_IN_FLIGHT},
        {{a, b, guarded_copy}, SR_EBUFFER_IN_FLIGHT},
        {{guarded_copy, a, b}, SR_EBUFFER_IN_FLIGHT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sr_buffer *given[3] = {rows[i].parts[0], rows[i].parts[1], rows[i].parts[2]};
        assert_int_equal(sr_buffer_join(&out, given, 3), rows[i].refusal);
        assert_memory_equal(given, rows[i].parts, sizeof given);
        assert_null(out);
        assert_true(sr_buffer_is_user_owned(a));
        assert_true(sr_buffer_is_user_owned(b));
        assert_true(sr_buffer_is_user_owned(inner));
        assert_false(sr_buffer_is_user_owned(guarded_copy));
    }
    struct sr_buffer *given[1] = {a};
    assert_int_equal(sr_buffer_join(NULL, given, 1), -EINVAL);
    assert_int_equal(sr_buffer_join(&out, NULL, 1), -EINVAL);
    assert_int_equal(sr_buffer_join(&out, given, 0), -EINVAL);
    assert_int_equal(sr_buffer_join(&out, given, SR_VECTOR_MAX + 1), -EINVAL);
    assert_true(sr_buffer_is_user_owned(a));

    sr_guard_end(&guard, &guarded);
    release(&guarded);
    release(&inner);
    release(&a);
    release(&b);
}

/* As many parts as an iovec can have are joined. */
SR_UNCHECKED static void a_vector_has_up_to_its_most_parts(void **state)
{
    (void)state;
    static struct sr_buffer *parts[SR_VECTOR_MAX];
    struct sr_buffer *vector = NULL;
    for (size_t i = 0; i < SR_VECTOR_MAX; i++)
        parts[i] = new_buffer(1);

    assert_int_equal(sr_buffer_join(&vector, parts, SR_VECTOR_MAX), 0);

    assert_int_equal(sr_buffer_size(vector), SR_VECTOR_MAX);
    release(&vector);
}

/* Without memory for the vector nothing has moved. */
SR_UNCHECKED static void joining_without_memory_moves_nothing(void **state)
{
    (void)state;
    struct sr_buffer *parts[2] = {new_buffer(1), new_buffer(2)};
    struct sr_buffer *vector = NULL;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    counter.fails_from = 1;

    assert_int_equal(sr_buffer_join(&vector, parts, 2), -ENOMEM);

    assert_null(vector);
    counting_allocator_remove();
    for (int i = 0; i < 2; i++) {
        assert_true(sr_buffer_is_user_owned(parts[i]));
        release(&parts[i]);
    }
}

/* Taking apart what is no vector, or by a wrong count, is refused and moves nothing. */
SR_UNCHECKED static void each_wrong_split_is_refused_and_moves_nothing(void **state)
{
    (void)state;
    struct sr_buffer *parts[2] = {new_buffer(1), new_buffer(2)};
    struct sr_buffer *plain = new_buffer(3);
    struct sr_buffer *none = NULL;
    struct sr_buffer *back[3] = {NULL};
    struct sr_buffer *vector = NULL;
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);

    assert_int_equal(sr_buffer_split(NULL, back, 2), -EINVAL);
    assert_int_equal(sr_buffer_split(&none, back, 2), -EINVAL);
    assert_int_equal(sr_buffer_split(&vector, NULL, 2), -EINVAL);
    assert_int_equal(sr_buffer_split(&vector, back, 1), -EINVAL);
    assert_int_equal(sr_buffer_split(&vector, back, 3), -EINVAL);
    assert_int_equal(sr_buffer_split(&vector, back, 0), -EINVAL);
    assert_int_equal(sr_buffer_split(&plain, back, 1), -EINVAL);

    assert_null(back[0]);
    assert_true(sr_buffer_is_user_owned(vector));
    assert_true(sr_buffer_is_user_owned(plain));
    release(&vector);
    release(&plain);
}

/* A vector in flight can't be taken apart or released by a copied pointer. */
SR_UNCHECKED static void a_vector_in_flight_stays_whole(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *parts[2] = {new_buffer(1), new_buffer(2)};
    struct sr_buffer *back[2] = {NULL};
    struct sr_buffer *vector = NULL;
    struct sr_op op;
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    struct sr_buffer *copy = vector;
    struct sr_op_spec spec = sr_spec_readv(sr_fd(5), 0);
    assert_int_equal(sr_op_start(f.ring, &spec, &vector, &op), 0);

    assert_int_equal(sr_buffer_split(&copy, back, 2), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_null(back[0]);

    sr_op_drop(f.ring, &op);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    fake_ring_close(&f);
}

/* A released vector takes its parts along: every byte goes back. */
SR_UNCHECKED static void releasing_a_vector_releases_its_parts(void **state)
{
    (void)state;
    struct sr_buffer *first = new_buffer(1);
    release(&first);
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    struct sr_buffer *parts[2] = {new_buffer(1), new_buffer(2)};
    struct sr_buffer *vector = NULL;
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);

    release(&vector);

    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_missing_header_leaks_no_bytes), /* first: it needs a process without headers */
    cmocka_unit_test(a_new_buffer_has_its_size_and_is_zero),
    cmocka_unit_test(a_copy_holds_the_bytes),
    cmocka_unit_test(a_buffer_of_nothing_is_refused),
    cmocka_unit_test(a_buffer_beyond_memory_is_refused),
    cmocka_unit_test(releasing_gives_the_bytes_back),
    cmocka_unit_test(null_is_no_buffer),
    cmocka_unit_test(a_guarded_buffer_is_the_guards),
    cmocka_unit_test(a_guard_ends_once),
    cmocka_unit_test(a_lost_guard_can_be_abandoned),
    cmocka_unit_test(a_second_release_by_a_copied_pointer_is_refused),
    cmocka_unit_test(a_scope_runs_once_and_gives_the_buffer_back),
    cmocka_unit_test(leaving_a_scope_by_break_gives_the_buffer_back),
    cmocka_unit_test(leaving_a_scope_by_return_gives_the_buffer_back),
    cmocka_unit_test(leaving_scopes_by_goto_gives_the_buffers_back),
    cmocka_unit_test(a_scope_without_access_does_not_run),
    cmocka_unit_test(a_vector_holds_its_parts_in_order),
    cmocka_unit_test(parts_of_a_vector_are_the_vectors),
    cmocka_unit_test(each_wrong_join_is_refused_and_moves_nothing),
    cmocka_unit_test(a_vector_has_up_to_its_most_parts),
    cmocka_unit_test(joining_without_memory_moves_nothing),
    cmocka_unit_test(each_wrong_split_is_refused_and_moves_nothing),
    cmocka_unit_test(a_vector_in_flight_stays_whole),
    cmocka_unit_test(releasing_a_vector_releases_its_parts),
};

SR_TEST_MAIN(tests)
