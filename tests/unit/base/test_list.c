/*
 * The intrusive list.
 */
#include "base/list.h"

#include "support/main.h"

struct item {
    int number;
    struct sri_node node;
};

static int number_of(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct item, node)->number;
}

/* The numbers in order as one decimal, read forwards; -1 when the way back tells another story. */
static int read_list(struct sri_node *head)
{
    int forwards = 0;
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        if (node->next->previous != node || node->previous->next != node)
            return -1;
        forwards = forwards * 10 + number_of(node);
    }
    return forwards;
}

static void fill(struct sri_node *head, struct item items[], int count)
{
    sri_list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].number = i + 1;
        sri_list_append(head, &items[i].node);
    }
}

/* A new list is empty. */
static void a_new_list_is_empty(void **state)
{
    (void)state;
    struct sri_node head;

    sri_list_init(&head);

    assert_true(sri_list_empty(&head));
    assert_int_equal(read_list(&head), 0);
}

/* What is appended stands in the order of appending. */
static void appended_items_stand_in_order(void **state)
{
    (void)state;
    struct sri_node head;
    struct item items[4];

    fill(&head, items, 4);

    assert_false(sri_list_empty(&head));
    assert_int_equal(read_list(&head), 1234);
}

/* An item leaves from the front, the middle and the back, and the others close up. */
static void removal_closes_the_gap(void **state)
{
    (void)state;
    struct sri_node head;
    struct item items[4];
    fill(&head, items, 4);

    sri_list_remove(&items[1].node);
    assert_int_equal(read_list(&head), 134);
    sri_list_remove(&items[0].node);
    assert_int_equal(read_list(&head), 34);
    sri_list_remove(&items[3].node);
    assert_int_equal(read_list(&head), 3);
    sri_list_remove(&items[2].node);
    assert_true(sri_list_empty(&head));
}

/* Removing what is out already does nothing, to it or to others. */
static void a_second_removal_does_nothing(void **state)
{
    (void)state;
    struct sri_node head;
    struct item items[3];
    fill(&head, items, 3);
    sri_list_remove(&items[1].node);

    sri_list_remove(&items[1].node);

    assert_int_equal(read_list(&head), 13);
    assert_true(sri_list_empty(&items[1].node));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_list_is_empty),
    cmocka_unit_test(appended_items_stand_in_order),
    cmocka_unit_test(removal_closes_the_gap),
    cmocka_unit_test(a_second_removal_does_nothing),
};

SR_TEST_MAIN(tests)
