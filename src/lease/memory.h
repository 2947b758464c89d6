// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LEASE_MEMORY_H
#define TTP_LEASE_MEMORY_H

/* Leases of one process: with a catalog that has one writer nobody else can hold a piece, and what
 * is not done when the process ends is planned again by the next one, by the coverage. */

#include "lease/lease.h"

/* ERR_NO_MEMORY. */
enum error_code lease_memory_new(struct leases **out, struct error *error) MUST_CHECK;

#endif
