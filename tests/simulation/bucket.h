// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_BUCKET_H
#define TTP_SIMULATION_BUCKET_H

/*
 * In place of the HTTP exchanges of the room s3 (ld --wrap of s3_http_run): an object store that
 * loses requests and answers, is busy, is away for a while, carries out a request long after its
 * client gave it up or died, and shows what was deleted for a while. It is one that honours
 * conditions (If-None-Match, If-Match), and shows at once what was put.
 *
 * Its objects lie in a folder of its own, which is on no disk of the simulation, so that they
 * outlive each process.
 */

#include <stdbool.h>
#include <stddef.h>

#define BUCKET_URL      "s3://simulated/lake"
#define BUCKET_ENDPOINT "http://simulated.invalid"

/* The folder of the bucket; it must be there, and empty at a seed's beginning. */
void bucket_use(const char *folder);
/* All that is under way is carried out. */
void bucket_settle(void);

/* Calls `visit` with each object's name, relative to the lake's prefix, that can be seen. */
void bucket_each(void (*visit)(void *context, const char *name), void *context);

#endif
