/*
 * The freedoms of the simulated world itself: SRI_WHY_WORLD, told apart by `freedom` of the question.
 */
#ifndef SRI_FATE_FREEDOM_H
#define SRI_FATE_FREEDOM_H

enum sri_world_freedom {
    SRI_FREEDOM_WAKE, /* n attempts wait for the same change: which is told first, 0 the one that waited longest */
    SRI_FREEDOM_PIPE,   /* capacity of a new pipe: 0 as configured, 1 one page. n = 2 */
    SRI_FREEDOM_WINDOW, /* window of a new connection: 0 as configured, 1 one byte, 2 sixteen, 3 1000. n = 4 */
    SRI_FREEDOM_TRANSIT, /* bytes sent over AF_INET arrive: 0 at once, else after a microsecond, a millisecond, a second */
    SRI_FREEDOM_RESET, /* a send or receive over AF_INET: 0 goes on, 1 finds the connection reset. n = 2 */
    SRI_WORLD_FREEDOMS
};

#endif
