package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plot is a picture of some lines over a logarithmic x.
type plot struct {
	title, x, y string
	lines       map[string][][2]float64
}

func (p *plot) add(line string, x, y float64) {
	if p.lines == nil {
		p.lines = map[string][][2]float64{}
	}
	p.lines[line] = append(p.lines[line], [2]float64{x, y})
}

// The size of a picture, and of the room around its lines.
const (
	width, height = 720, 400
	left, right   = 70, 170
	top, bottom   = 50, 50
)

// draw writes the picture, where pictures are wanted.
func (b *bench) draw(name string, p *plot) error {
	if b.plots == "" {
		return nil
	}
	if err := os.MkdirAll(b.plots, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.plots, name+".svg"), []byte(p.svg()), 0o644)
}

func (p *plot) svg() string {
	loX, hiX, hiY := math.Inf(1), 1.0, 0.0
	for _, line := range p.lines {
		for _, at := range line {
			loX, hiX, hiY = min(loX, at[0]), max(hiX, at[0]), max(hiY, at[1])
		}
	}
	hiY *= 1.05
	atX := func(x float64) float64 {
		return left + (width-left-right)*(math.Log(x)-math.Log(loX))/max(math.Log(hiX)-math.Log(loX), 1e-9)
	}
	atY := func(y float64) float64 { return height - bottom - (height-top-bottom)*y/hiY }
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13"><rect width="100%%" height="100%%" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&s, `<text x="%d" y="28" font-size="16" font-weight="600">%s</text>`+"\n", left, p.title)
	for i := range 5 {
		y := hiY * float64(i) / 4
		fmt.Fprintf(&s, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>`+"\n", left, atY(y), width-right, left-8, atY(y)+4, strconv.FormatFloat(y, 'f', decimals(hiY), 64))
	}
	fmt.Fprintf(&s, `<text x="%d" y="%d" fill="#555">%s</text><text x="%d" y="44" fill="#555">%s</text>`+"\n", (width-right+left)/2, height-8, p.x, left, p.y)
	colors := []string{"#5b5fc7", "#c4314b", "#13a10e", "#ca5010", "#0078d4", "#555"}
	var ticks []float64
	for i, name := range slices.Sorted(maps.Keys(p.lines)) {
		color := colors[i%len(colors)]
		var points []string
		for _, at := range p.lines[name] {
			points = append(points, fmt.Sprintf("%.1f,%.1f", atX(at[0]), atY(at[1])))
			fmt.Fprintf(&s, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s: %g at %g</title></circle>`+"\n", atX(at[0]), atY(at[1]), color, name, at[1], at[0])
			if !slices.Contains(ticks, at[0]) {
				ticks = append(ticks, at[0])
			}
		}
		fmt.Fprintf(&s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%d" y="%d" fill="%s">%s</text>`+"\n",
			strings.Join(points, " "), color, width-right+16, top+20*i+10, color, name)
	}
	if len(ticks) > 7 {
		ticks = nil
		for x := math.Pow(10, math.Ceil(math.Log10(loX))); x <= hiX*1.001; x *= 10 {
			ticks = append(ticks, x)
		}
	}
	for _, x := range ticks {
		fmt.Fprintf(&s, `<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>`+"\n", atX(x), height-bottom+20, strconv.FormatFloat(x, 'f', -1, 64))
	}
	s.WriteString("</svg>\n")
	return s.String()
}

// decimals is how many a scale up to hi needs.
func decimals(hi float64) int {
	if hi >= 10 {
		return 0
	}
	return 2
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// short is a time as a table shows it.
func short(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(10 * time.Microsecond)
}

// middle is the round whose rate is the median.
func middle(all []measured) measured {
	slices.SortFunc(all, func(a, b measured) int { return int(math.Copysign(1, a.rate-b.rate)) })
	return all[len(all)/2]
}
