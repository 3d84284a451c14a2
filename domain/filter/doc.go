// Package filter is the small language by which runs are found (rule V-1), parsed once here, evaluated over a run, and translated by stores.
//
//	workflow_type = 'order' and status in ('Failed', 'Blocked') and customer = 'a' and started_at > now() - 1h order by started_at desc
//
// Grammar, with words in any case and names as they are written:
//
//	filter    = [ or ] [ "order" "by" field [ "asc" | "desc" ] ]
//	or        = and { "or" and }
//	and       = unary { "and" unary }
//	unary     = "not" unary | "(" or ")" | condition
//	condition = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//	          | field [ "not" ] "in" "(" value { "," value } ")"
//	          | field [ "not" ] "starts_with" value
//	          | field [ "not" ] "contains" value
//	          | field "is" [ "not" ] "null"
//	value     = 'text' | number | "true" | "false" | "now" "(" ")" { ( "+" | "-" ) duration }
//
// A condition is true or false, never anything else: about a value that is not set, every condition but "is null" is false, and so its
// opposite ("!=", "not in", "not …") is true. A keyword list equals a value that it contains; a text contains a value when it has all of its
// words. Keywords are compared byte by byte. Ordering by an attribute lists only runs that have it; the order ends with the run ID, in the
// same direction.
package filter
