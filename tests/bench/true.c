/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program that a container can run: what is timed is everything else. */
int main(void)
{
	return 0;
}
