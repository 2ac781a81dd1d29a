/* machi: one program, its commands found in the modules' tables. */
#include <stdio.h>

int main(void)
{
	puts("machi");
	return 0;
}
