/*
 * The smallest program that needs the installed headers and the installed libraries: a no-op on the simulated kernel. C and C++.
 */
#include <stdio.h>

#include <safer_ring.h>
#include <safer_ring/sim.h>

SR_UNCHECKED int main(void)
{
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_completion done;
    if (sr_sim_new(&sim, NULL) != 0 || sr_sim_ring_open(sim, &ring, 4) != 0)
        return 1;
    if (sr_nop(ring, &op) != 0 || sr_op_await(ring, &op, &done) != 0)
        return 2;
    printf("%s: %d\n", sr_ring_backend(ring), (int)sr_take_plain(&done));
    if (sr_ring_close(&ring) != 0)
        return 3;
    sr_sim_free(&sim);
    return 0;
}
