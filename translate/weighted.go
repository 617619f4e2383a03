package translate

// WeightedCluster is a share of the requests that the control plane was asked
// about, and where it goes.
type WeightedCluster struct {
	Share   float64
	Cluster string
	// Dst is the bound name for the receiver, "" where the cluster tells it.
	Dst string
}

func (n need) weighted(share float64) WeightedCluster {
	return WeightedCluster{Share: share, Cluster: n.name, Dst: n.dst()}
}

// weight is the share, for drawn.
func (w WeightedCluster) weight() float64 { return w.Share }

// drawn chooses a branch for one request by a number from 0 to 1.
func drawn[B interface{ weight() float64 }](branches []B, draw float64) B {
	for _, b := range branches {
		if draw -= b.weight(); draw < 0 {
			return b
		}
	}
	return branches[len(branches)-1]
}
