/* Any bytes as a number: what is accepted is finite or unknown and reads back the same. */
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	double value = 0;
	if (number_parse((const char *)data, size, &value)) {
		char text[NUMBER_TEXT];
		double back = 0;
		size_t length = number_format(value, text);
		assert(number_parse(text, length, &back));
		assert(isnan(value) ? isnan(back) : back == value);
	}
	long long whole = 0;
	if (number_parse_int((const char *)data, size, -1000, 1000, &whole)) {
		assert(whole >= -1000 && whole <= 1000);
	}
	return 0;
}
