// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_REMEDY_H
#define TTP_LAKE_REMEDY_H

/* Which problems `repair` mends by taking commits out, and what leaves the lake by it. */

#include "lake/findings.h"
#include "lake/take_out.h"

struct remedy_counts {
    uint64_t mended; /* problems that go */
    /* Problems where others added, hid or changed rows, which would be lost; the first such group.
     */
    uint64_t changed;
    const struct foreign_group *first_changed;
    uint64_t others; /* problems that no fetching again mends */
};

/* Adds to `out` what mends the problems, and tells each of these (problem.by_repair). Only with
 * `discard_changes` do rows go that others changed: they are a problem themselves then. */
void remedy_find(struct take_out *out, struct findings *findings, bool discard_changes,
                 struct remedy_counts *counts);

#endif
