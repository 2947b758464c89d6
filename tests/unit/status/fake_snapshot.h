// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_STATUS_FAKE_SNAPSHOT_H
#define TTP_TESTS_STATUS_FAKE_SNAPSHOT_H

#include "status/snapshot.h"

/* 2024-08-07T12:00:00Z: the moment of every fake snapshot. */
#define FAKE_NOW_US       INT64_C(1723032000000000)
#define FAKE_MONOTONIC_US INT64_C(5000000000)

/* A live run at the tip that is well. */
void fake_snapshot(struct status_snapshot *out);

#endif
