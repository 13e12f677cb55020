package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The chart's measures, in user units.
const (
	chartWidth  = 760
	labelWidth  = 230
	barHeight   = 16
	barGap      = 5
	headHeight  = 34
	valueWidth  = 90
	textSize    = 12
	colourEcho  = "#888888"
	colourOurs  = "#2b6cb0"
	colourPeers = "#b7791f"
)

// bar is one bar of a chart.
type bar struct {
	label, colour, text string
	length              float64 // 0 to 1
}

// Chart returns the results as SVG: what a request costs, and how many are
// answered.
func (r *Results) Chart() string {
	groups := []struct {
		title string
		bars  []bar
	}{
		{"CPU per policy request, 64 connections (µs)", r.costBars()},
		{"Policy requests answered per second, 64 connections (logarithmic)", r.speedBars()},
	}
	var body strings.Builder
	y := 0
	for _, g := range groups {
		y += headHeight
		fmt.Fprintf(&body, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y-12, html.EscapeString(g.title))
		for _, b := range g.bars {
			b.write(&body, y)
			y += barHeight + barGap
		}
	}
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"%d\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n", chartWidth, y+10, textSize, body.String())
}

func (b bar) write(w *strings.Builder, y int) {
	const room = chartWidth - labelWidth - valueWidth
	width := math.Max(1, b.length*room)
	fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", labelWidth-8, y+textSize, html.EscapeString(b.label))
	fmt.Fprintf(w, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", labelWidth, y, width, barHeight, b.colour)
	fmt.Fprintf(w, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", labelWidth+width+6, y+textSize, b.text)
}

// policyBars are the servers that answered policy requests of 64 connections.
func (r *Results) policyBars(figure func(Sample) float64, text string, all bool) []bar {
	var bars []bar
	for _, run := range r.Runs {
		if run.Door != "policy" || run.Conns != 64 || run.Rate != 0 || run.Load != Uniform && run.Load != Active {
			continue
		}
		b := bar{label: run.Server, colour: colourOurs, length: run.Median(figure)}
		switch {
		case run.Server == Echo, run.Server == EchoLoop:
			b.colour = colourEcho
		case !strings.HasPrefix(run.Server, "gatepost"):
			b.colour = colourPeers
		}
		if run.Load == Active {
			b.label = "… " + Active
		}
		if b.colour == colourPeers && !all {
			continue
		}
		b.text = fmt.Sprintf(text, b.length)
		bars = append(bars, b)
	}
	return bars
}

func (r *Results) costBars() []bar {
	bars := r.policyBars(CPU, "%.2f", false)
	most := 0.0
	for _, b := range bars {
		most = max(most, b.length)
	}
	for i := range bars {
		bars[i].length /= max(most, 1e-9)
	}
	return bars
}

func (r *Results) speedBars() []bar {
	bars := r.policyBars(Throughput, "%.0f", true)
	const low, high = 2, 6 // powers of ten
	for i := range bars {
		bars[i].length = min(1, max(0, (math.Log10(max(bars[i].length, 1))-low)/(high-low)))
	}
	return bars
}
