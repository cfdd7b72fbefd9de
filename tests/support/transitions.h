/*
 * Counts the transitions of the machines that this program makes (transitions.c).
 */
#ifndef SR_TEST_TRANSITIONS_H
#define SR_TEST_TRANSITIONS_H

void sr_count_transitions(void);

#endif
