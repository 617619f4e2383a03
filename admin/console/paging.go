package console

import (
	"net/http"
	"strconv"
)

// perPage is how many rows a page shows.
const perPage = 100

// pager is one page of a list, and the way to the others.
type pager struct {
	// Path and Query lead to the list, without the page's number.
	Path  string
	Query []string
	// Number of the page from 1, of Pages; From and To of Total rows from 1.
	Number, Pages, From, To, Total int
}

// paged gives the page of a list that a request asks for. A number that is out
// of range gives the nearest page.
func paged[T any](r *http.Request, all []T, query ...string) ([]T, pager) {
	p := pager{Path: r.URL.Path[1:], Query: query, Total: len(all), Pages: max(1, (len(all)+perPage-1)/perPage)}
	n, _ := strconv.Atoi(r.FormValue("page"))
	p.Number = min(max(n, 1), p.Pages)
	from := (p.Number - 1) * perPage
	to := min(from+perPage, len(all))
	p.From, p.To = min(from+1, to), to
	return all[from:to], p
}

// Previous and Next are addresses, "" where there is no such page.
func (p pager) Previous() any { return p.at(p.Number - 1) }

// Next is the address of the next page.
func (p pager) Next() any { return p.at(p.Number + 1) }

func (p pager) at(n int) any {
	if n < 1 || n > p.Pages {
		return ""
	}
	return link(p.Path, append(append([]string{}, p.Query...), "page", strconv.Itoa(n))...)
}
