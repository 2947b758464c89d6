// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STATUS_PAGE_ASSETS_H
#define TTP_STATUS_PAGE_ASSETS_H

/* The page's style sheet and script, which stand in the page itself. */

extern const char page_style[];
extern const char page_script[];

#endif
