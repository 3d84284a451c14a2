package memory

import (
	"iter"
	"slices"
)

// chunkMax bounds how many elements one insertion moves.
const chunkMax = 512

// ordered is a sorted set of T: chunks of at most chunkMax elements in order, none of them empty. Insert, remove and seek
// cost a binary search plus the move of at most one chunk; the list of chunks moves only when one splits or empties.
type ordered[T any] struct {
	cmp    func(a, b T) int
	chunks [][]T
}

// find gives where x is, or where it would be inserted.
func (o *ordered[T]) find(x T) (chunk, at int, found bool) {
	if len(o.chunks) == 0 {
		return 0, 0, false
	}
	// The last chunk whose first element is not above x.
	c, exact := slices.BinarySearchFunc(o.chunks, x, func(ch []T, x T) int { return o.cmp(ch[0], x) })
	if exact {
		return c, 0, true
	}
	c = max(c-1, 0)
	i, found := slices.BinarySearchFunc(o.chunks[c], x, o.cmp)
	return c, i, found
}

// insert adds x; an equal element is replaced.
func (o *ordered[T]) insert(x T) {
	c, i, found := o.find(x)
	switch {
	case found:
		o.chunks[c][i] = x
	case len(o.chunks) == 0:
		o.chunks = append(o.chunks, append(make([]T, 0, 4), x))
	default:
		o.chunks[c] = slices.Insert(o.chunks[c], i, x)
		if ch := o.chunks[c]; len(ch) > chunkMax {
			// A set that grows at its end keeps full chunks behind it.
			half := len(ch) / 2
			if c == len(o.chunks)-1 && i == len(ch)-1 {
				half = len(ch) - 1
			}
			right := append(make([]T, 0, chunkMax+1), ch[half:]...)
			clear(ch[half:])
			o.chunks[c] = ch[:half]
			o.chunks = slices.Insert(o.chunks, c+1, right)
		}
	}
}

// remove takes x out, if it is there.
func (o *ordered[T]) remove(x T) {
	c, i, found := o.find(x)
	if !found {
		return
	}
	o.chunks[c] = slices.Delete(o.chunks[c], i, i+1)
	if len(o.chunks[c]) == 0 {
		o.chunks = slices.Delete(o.chunks, c, c+1)
	}
}

// empty says whether nothing is in the set.
func (o *ordered[T]) empty() bool { return len(o.chunks) == 0 }

// all gives the elements in order.
func (o *ordered[T]) all() iter.Seq[T] { return o.walk(0, 0) }

// after gives the elements above x in order.
func (o *ordered[T]) after(x T) iter.Seq[T] {
	c, i, found := o.find(x)
	if found {
		i++
	}
	return o.walk(c, i)
}

func (o *ordered[T]) walk(c, i int) iter.Seq[T] {
	return func(yield func(T) bool) {
		for ; c < len(o.chunks); c, i = c+1, 0 {
			for ; i < len(o.chunks[c]); i++ {
				if !yield(o.chunks[c][i]) {
					return
				}
			}
		}
	}
}

// backward gives the elements in reverse order.
func (o *ordered[T]) backward() iter.Seq[T] { return o.walkBack(len(o.chunks), 0) }

// before gives the elements below x in reverse order.
func (o *ordered[T]) before(x T) iter.Seq[T] {
	c, i, _ := o.find(x)
	return o.walkBack(c, i)
}

// walkBack gives the elements in front of place i of chunk c, in reverse order.
func (o *ordered[T]) walkBack(c, i int) iter.Seq[T] {
	return func(yield func(T) bool) {
		for c, i := c, i; ; {
			if i == 0 {
				if c == 0 {
					return
				}
				c--
				i = len(o.chunks[c])
			}
			i--
			if !yield(o.chunks[c][i]) {
				return
			}
		}
	}
}
