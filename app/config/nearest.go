package config

import "strings"

// nearest gives the known name that an unknown one was most likely meant to be: one that ends with it, else the one that takes
// the fewest edits.
func nearest(unknown string, known []string) string {
	best, fewest := "", -1
	lower := strings.ToLower(unknown)
	for _, name := range known {
		candidate := strings.ToLower(name)
		d := edits(lower, candidate)
		if strings.HasSuffix(candidate, "."+lower) || strings.HasSuffix(candidate, "__"+lower) {
			d = 0
		}
		if fewest < 0 || d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

// edits counts the insertions, deletions and replacements of bytes that turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
