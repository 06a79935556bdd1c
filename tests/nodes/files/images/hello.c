/*
 * Copyright: (c) 2026, the airgap.nodes authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 */

#include <unistd.h>

int main(void) {
    static const char text[] = "Hello from the private registry.\n";
    return write(1, text, sizeof text - 1) < 0;
}
