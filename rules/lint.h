#pragma once
#include "rules/rule.h"

/*
 * What is allowed and yet hardly meant: thresholds of a checked rule that contradict each other
 * (W508, W509). Only constants are judged.
 */
void lint_rule(const struct rule *rule, struct diag_list *diags);
