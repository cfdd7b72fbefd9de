/*
 * The graph of a batch against a naive statement of the same: every set of dependencies among four operations, added in
 * order; every one of them failing (BATCH-1, BATCH-2, BATCH-3).
 */
#include "ring/batch_graph.h"

#include <errno.h>
#include <string.h>

#include "safer_ring/error.h"
#include "support/main.h"

#define N 4u
#define PAIRS (N * N)

/* The same graph as a matrix, with what is reached from where. */
struct naive {
    bool edge[N][N]; /* [dependent][dependency] */
};

static bool depends(const struct naive *naive, uint32_t dependent, uint32_t dependency)
{
    if (naive->edge[dependent][dependency])
        return true;
    for (uint32_t between = 0; between < N; between++)
        if (naive->edge[dependent][between] && depends(naive, between, dependency))
            return true;
    return false;
}

/* Tries to add each pair of `set`, in order, to both, and compares the answers. */
static void add_set(struct sri_graph *graph, struct naive *naive, uint32_t set)
{
    memset(naive, 0, sizeof *naive);
    sri_graph_init(graph);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t index;
        assert_int_equal(sri_graph_add(graph, &index), 0);
        assert_int_equal(index, i);
    }
    for (uint32_t pair = 0; pair < PAIRS; pair++) {
        uint32_t dependent = pair / N;
        uint32_t dependency = pair % N;
        if ((set >> pair & 1) == 0)
            continue;
        bool cycle = dependent == dependency || depends(naive, dependency, dependent);
        assert_int_equal(sri_graph_depend(graph, dependent, dependency), cycle ? SR_ECYCLE : 0);
        naive->edge[dependent][dependency] = naive->edge[dependent][dependency] || !cycle;
    }
}

/* A dependency that closes a cycle is refused, among four operations in every graph there is. */
static void every_cycle_is_refused(void **state)
{
    (void)state;

    for (uint32_t set = 0; set < 1u << PAIRS; set++) {
        struct sri_graph graph;
        struct naive naive;
        add_set(&graph, &naive, set);
        sri_graph_fini(&graph);
    }
}

/* Runs the graph with `failing` of its operations failing, always the `pick`-th of those that run; checks each state. */
static void run(struct sri_graph *graph, const struct naive *naive, uint32_t failing, uint32_t pick)
{
    bool running[N] = {false};
    bool well[N] = {false};
    bool ended[N] = {false};
    sri_graph_begin(graph);
    for (;;) {
        uint32_t next;
        while ((next = sri_graph_first_ready(graph)) != SRI_NO_NODE) {
            for (uint32_t d = 0; d < N; d++)
                assert_true(!naive->edge[next][d] || well[d]); /* BATCH-2 */
            sri_graph_start(graph);
            running[next] = true;
        }
        uint32_t count = 0;
        for (uint32_t i = 0; i < N; i++)
            count += running[i];
        if (count == 0)
            break;
        uint32_t skip = pick % count;
        uint32_t node = 0;
        while (!running[node] || skip-- != 0)
            node++;
        running[node] = false;
        ended[node] = true;
        well[node] = (failing >> node & 1) == 0;
        sri_graph_end(graph, node, well[node] ? SRI_MEMBER_SUCCEED : SRI_MEMBER_FAIL);
    }
    assert_true(sri_graph_is_over(graph));
    for (uint32_t i = 0; i < N; i++) {
        bool doomed = false;
        for (uint32_t d = 0; d < N; d++)
            doomed = doomed || (depends(naive, i, d) && (failing >> d & 1) != 0 && ended[d]);
        assert_int_equal(ended[i], !doomed); /* BATCH-3 */
        assert_int_equal(graph->nodes[i].state, doomed    ? SRI_MEMBER_CANCELLED
                                                : well[i] ? SRI_MEMBER_DONE
                                                          : SRI_MEMBER_FAILED);
    }
}

/* What may start, starts, after all it depends on; what depends on a failure does not; in every graph, every failure. */
static void every_graph_runs_to_its_end(void **state)
{
    (void)state;

    for (uint32_t set = 0; set < 1u << PAIRS; set++) {
        /* Each graph once: pairs that would be refused, and those of an operation with itself, are other sets' graphs. */
        struct sri_graph graph;
        struct naive naive;
        add_set(&graph, &naive, set);
        uint32_t edges = graph.edge_count;
        sri_graph_fini(&graph);
        if (edges != (uint32_t)__builtin_popcount(set))
            continue;
        for (uint32_t failing = 0; failing < 1u << N; failing++)
            for (uint32_t pick = 0; pick < 3; pick++) {
                add_set(&graph, &naive, set);
                run(&graph, &naive, failing, pick);
                sri_graph_fini(&graph);
            }
    }
}

/* A dependency of what is not there is refused, on either side, and nothing changes. */
static void an_unknown_index_is_refused(void **state)
{
    (void)state;
    struct sri_graph graph;
    uint32_t index;
    sri_graph_init(&graph);
    assert_int_equal(sri_graph_add(&graph, &index), 0);

    assert_int_equal(sri_graph_depend(&graph, 0, 1), -EINVAL);
    assert_int_equal(sri_graph_depend(&graph, 1, 0), -EINVAL);
    assert_int_equal(sri_graph_depend(&graph, UINT32_MAX, 0), -EINVAL);

    assert_int_equal(graph.edge_count, 0);
    sri_graph_begin(&graph);
    assert_int_equal(sri_graph_first_ready(&graph), 0);
    sri_graph_fini(&graph);
}

/* Saying a dependency twice is saying it once: it is waited for once. */
static void a_dependency_counts_once(void **state)
{
    (void)state;
    struct sri_graph graph;
    uint32_t index;
    sri_graph_init(&graph);
    assert_int_equal(sri_graph_add(&graph, &index), 0);
    assert_int_equal(sri_graph_add(&graph, &index), 0);

    assert_int_equal(sri_graph_depend(&graph, 1, 0), 0);
    assert_int_equal(sri_graph_depend(&graph, 1, 0), 0);

    assert_int_equal(graph.nodes[1].waits_for, 1);
    sri_graph_fini(&graph);
}

/* Only what waits for one operation alone can be linked behind it; a linked one hears of a failure from the kernel. */
static void a_follower_waits_for_one_alone(void **state)
{
    (void)state;
    struct sri_graph graph;
    uint32_t index;
    sri_graph_init(&graph);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sri_graph_add(&graph, &index), 0);
    assert_int_equal(sri_graph_depend(&graph, 2, 0), 0);
    assert_int_equal(sri_graph_depend(&graph, 2, 1), 0);
    assert_int_equal(sri_graph_depend(&graph, 3, 0), 0);
    sri_graph_begin(&graph);
    sri_graph_start(&graph);

    assert_int_equal(sri_graph_follower(&graph, 0), 3);
    sri_graph_link(&graph, 3);
    assert_int_equal(sri_graph_follower(&graph, 0), SRI_NO_NODE);
    sri_graph_end(&graph, 0, SRI_MEMBER_FAIL);

    assert_int_equal(graph.nodes[2].state, SRI_MEMBER_CANCELLED);
    assert_int_equal(graph.nodes[3].state, SRI_MEMBER_STARTED);
    sri_graph_end(&graph, 3, SRI_MEMBER_CANCEL);
    sri_graph_start(&graph);
    sri_graph_end(&graph, 1, SRI_MEMBER_SUCCEED);
    assert_true(sri_graph_is_over(&graph));
    sri_graph_fini(&graph);
}

/* A linked one that is taken back waits again, and starts when its dependency has ended well. */
static void an_unlinked_one_waits_again(void **state)
{
    (void)state;
    struct sri_graph graph;
    uint32_t index;
    sri_graph_init(&graph);
    assert_int_equal(sri_graph_add(&graph, &index), 0);
    assert_int_equal(sri_graph_add(&graph, &index), 0);
    assert_int_equal(sri_graph_depend(&graph, 1, 0), 0);
    sri_graph_begin(&graph);
    sri_graph_start(&graph);
    sri_graph_link(&graph, 1);

    sri_graph_unlink(&graph, 1);
    assert_int_equal(sri_graph_first_ready(&graph), SRI_NO_NODE);
    sri_graph_end(&graph, 0, SRI_MEMBER_SUCCEED);

    assert_int_equal(sri_graph_first_ready(&graph), 1);
    sri_graph_fini(&graph);
}

/* Three, of which the last waits for the first. */
static void begin_three(struct sri_graph *graph)
{
    uint32_t index;
    sri_graph_init(graph);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sri_graph_add(graph, &index), 0);
    assert_int_equal(sri_graph_depend(graph, 2, 0), 0);
    sri_graph_begin(graph);
}

/* Giving up cancels what has not started and leaves what runs. */
static void giving_up_leaves_what_runs(void **state)
{
    (void)state;
    struct sri_graph graph;
    begin_three(&graph);
    sri_graph_start(&graph);

    sri_graph_give_up(&graph);

    assert_int_equal(graph.nodes[0].state, SRI_MEMBER_STARTED);
    assert_int_equal(graph.nodes[1].state, SRI_MEMBER_CANCELLED);
    assert_int_equal(graph.nodes[2].state, SRI_MEMBER_CANCELLED);
    assert_int_equal(sri_graph_first_ready(&graph), SRI_NO_NODE);
    assert_false(sri_graph_is_over(&graph));
    sri_graph_end(&graph, 0, SRI_MEMBER_SUCCEED);
    assert_true(sri_graph_is_over(&graph));
    sri_graph_fini(&graph);
}

/* Giving up before anything was started cancels every one, and ends it. */
static void giving_up_at_first_cancels_all(void **state)
{
    (void)state;
    struct sri_graph graph;
    begin_three(&graph);
    sri_graph_give_up(&graph);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(graph.nodes[i].state, SRI_MEMBER_CANCELLED);
    assert_true(sri_graph_is_over(&graph));
    sri_graph_fini(&graph);
}

/* A long chain, built from front to back, from back to front, and closed to a ring, which is refused. */
static void a_long_chain_can_be_built_either_way(void **state)
{
    (void)state;
    enum {
        LENGTH = 3000
    };
    for (int backwards = 0; backwards < 2; backwards++) {
        struct sri_graph graph;
        uint32_t index;
        sri_graph_init(&graph);
        for (int i = 0; i < LENGTH; i++)
            assert_int_equal(sri_graph_add(&graph, &index), 0);
        for (uint32_t i = 1; i < LENGTH; i++) {
            uint32_t dependent = backwards ? LENGTH - i : i;
            assert_int_equal(sri_graph_depend(&graph, dependent, dependent - 1), 0);
        }
        assert_int_equal(sri_graph_depend(&graph, 0, LENGTH - 1), SR_ECYCLE);
        sri_graph_begin(&graph);
        for (uint32_t i = 0; i < LENGTH; i++) {
            assert_int_equal(sri_graph_first_ready(&graph), i);
            sri_graph_start(&graph);
            sri_graph_end(&graph, i, SRI_MEMBER_SUCCEED);
        }
        assert_true(sri_graph_is_over(&graph));
        sri_graph_fini(&graph);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_cycle_is_refused),
    cmocka_unit_test(every_graph_runs_to_its_end),
    cmocka_unit_test(an_unknown_index_is_refused),
    cmocka_unit_test(a_dependency_counts_once),
    cmocka_unit_test(a_follower_waits_for_one_alone),
    cmocka_unit_test(an_unlinked_one_waits_again),
    cmocka_unit_test(giving_up_at_first_cancels_all),
    cmocka_unit_test(giving_up_leaves_what_runs),
    cmocka_unit_test(a_long_chain_can_be_built_either_way),
};

SR_TEST_MAIN(tests)
