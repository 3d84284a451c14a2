package bench

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// plotFile is where the plot of a report goes.
func plotFile(report string) string { return strings.TrimSuffix(report, ".json") + ".svg" }

// plot draws a bar for every result that has a ratio of its own: how many times the floor it took.
func (r Report) plot() []byte {
	const left, right, row, width = 250, 110, 24, 480
	var rows []Result
	longest := 1.0
	for _, one := range r.Results {
		if !strings.HasPrefix(one.Name, "floor") {
			rows = append(rows, one)
			longest = max(longest, one.Ratio)
		}
	}
	var b bytes.Buffer
	height := row*(len(rows)+3) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", left+width+right, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	text := func(x, y int, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">`, x, y, anchor)
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
		fmt.Fprintf(&b, "</text>\n")
	}
	text(10, row, "start", "Times the machine's floor, "+r.Date[:min(len(r.Date), 10)]+", "+r.Machine.String())
	y := 2 * row
	for _, one := range rows {
		long := int(one.Ratio / longest * width)
		text(left-8, y+16, "end", fmt.Sprintf("%s, %s, %d at a time", one.Name, one.Runtime, one.Concurrency))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="#4a7dbd"/>`+"\n", left, y+4, long, row-8)
		text(left+long+6, y+16, "start", fmt.Sprintf("%.1f", one.Ratio))
		y += row
	}
	one := left + int(width/longest)
	fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#b03030" stroke-dasharray="3 3"/>`+"\n", one, 2*row, one, y)
	text(one, y+16, "middle", "floor")
	b.WriteString("</svg>\n")
	return b.Bytes()
}
