// SPDX-License-Identifier: Apache-2.0
// Reading mapped files whose pages may turn out not to be there.
#pragma once

/// From now on, where this thread reads a page of a mapped file that the disk does not give, or that is beyond the end of
/// a file cut short, it reads zeros instead of the process being ended by SIGBUS. Other threads are not affected.
void clinux_survive_missing_pages(void);

/// How many pages have been replaced by zeros in this process so far.
unsigned long clinux_missing_pages(void);
