/*
 * open_verdict.c - opens the object pools that standard input names, one a line, and says for each "ok" or libpmemobj's message, so that the
 * verdicts of two implementations on the same broken pools can be compared.
 */
#include <libpmemobj.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	char path[4096];
	while (fgets(path, sizeof(path), stdin)) {
		path[strcspn(path, "\n")] = 0;
		PMEMobjpool *pop = pmemobj_open(path, NULL);
		if (pop == NULL) {
			printf("%s\n", pmemobj_errormsg());
		} else {
			printf("ok\n");
			pmemobj_close(pop);
		}
		fflush(stdout);
	}
	return 0;
}
