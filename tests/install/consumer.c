/*
 * The smallest program that needs the installed headers and the installed library.
 */
#include <stdio.h>

#include <safer_ring.h>
#include <safer_ring/sim.h>

int main(void)
{
    return puts(sr_strerror(SR_EBUFFER_IN_FLIGHT)) < 0;
}
