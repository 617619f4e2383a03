package demotest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/child"
)

// Main runs the tests of a package in a network of their own, where 10/8
// is this machine: pods need addresses that the API server takes, and it takes
// no loopback address. Nothing leaves that network, and no other test is in it.
// It gives the exit code.
func Main(m *testing.M) int { return inNetwork(m, ownNetwork) }

// MainSix is Main in a network that has no address of IPv4 at all, not even 127.0.0.1.
// Whoever uses one by mistake is refused.
func MainSix(m *testing.M) int { return inNetwork(m, ownNetworkSix) }

func inNetwork(m *testing.M, setUp func() error) int {
	if os.Getenv(programs) != "" {
		if err := setUp(); err != nil {
			fmt.Fprintln(os.Stderr, "set up the tests' network:", err)
			return 1
		}
		return m.Run()
	}
	bin, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	attr := child.DiesWithParent()
	attr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	code, err := kubetest.Again(programs+"="+bin, attr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "the tests need a network namespace of their own, as root or with unprivileged user namespaces permitted: %v\n", err)
	}
	return code
}

// SmallDisk puts a disk of some bytes in the place of a directory, for whoever
// opens files there from now on, until the end that it gives is called. The tests'
// mounts are their own.
func (l *Lab) SmallDisk(dir string, bytes int) (end func()) {
	l.Helper()
	l.Must(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	l.Must(unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)))
	return func() { l.Must(unix.Unmount(dir, unix.MNT_DETACH)) }
}

// MigrateConnections has the kernel give a connection that is being made, by a socket
// that is closed, to another socket of the same address and port.
func (l *Lab) MigrateConnections() (end func()) {
	l.Helper()
	const setting = "/proc/sys/net/ipv4/tcp_migrate_req" // of this network; since Linux 5.14
	l.Must(os.WriteFile(setting, []byte("1"), 0))
	return func() { l.Must(os.WriteFile(setting, []byte("0"), 0)) }
}

// ownNetwork brings the loopback interface up, with the pods' networks beside 127/8
// and ::1.
func ownNetwork() error {
	// The mask is that of the address's class: all of 10/8.
	if err := errors.Join(loopbackUp(), setAddress("lo:1", netip.AddrFrom4([4]byte{10, 244, 0, 1}))); err != nil {
		return err
	}
	return podsSix()
}

// ownNetworkSix does so by IPv6 alone: the address that the kernel gives is taken away.
func ownNetworkSix() error {
	if err := errors.Join(loopbackUp(), setAddress("lo", netip.IPv4Unspecified())); err != nil {
		return err
	}
	return podsSix()
}

func loopbackUp() error {
	return interfaceCall("lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOOPBACK)
		return nil
	})
}

// setAddress gives an interface an IPv4 address; 0.0.0.0 takes the one that it has.
func setAddress(name string, ip netip.Addr) error {
	return interfaceCall(name, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip.AsSlice()) })
}

// interfaceCall asks the kernel to change an interface: netdevice(7).
func interfaceCall(name string, call uint, set func(*unix.Ifreq) error) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq(name)
	if err == nil {
		err = set(r)
	}
	if err == nil {
		err = unix.IoctlIfreq(s, call, r)
	}
	if err != nil {
		return fmt.Errorf("set up the interface %s: %w", name, err)
	}
	return nil
}

// podsSix has connections to pods' addresses of IPv6 lead here, and lets programs
// listen at each of them, as they may by IPv4 at all of a network's.
func podsSix() error {
	if err := os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0); err != nil {
		return err
	}
	if err := localSix(netip.MustParsePrefix(PodsSix + "/64")); err != nil {
		return fmt.Errorf("have connections to %s lead here: %w", PodsSix, err)
	}
	return nil
}

// localSix has the machine take every address of a network of IPv6 for its own, as it
// takes those of an interface's IPv4 network: by a route, which rtnetlink(7) makes.
func localSix(network netip.Prefix) error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	of := binary.NativeEndian
	attribute := func(b []byte, typ uint16, value []byte) []byte {
		b = of.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
		return append(of.AppendUint16(b, typ), value...)
	}
	route := []byte{
		unix.AF_INET6, byte(network.Bits()), 0, 0,
		unix.RT_TABLE_LOCAL, unix.RTPROT_BOOT, unix.RT_SCOPE_HOST, unix.RTN_LOCAL, 0, 0, 0, 0,
	}
	route = attribute(route, unix.RTA_DST, network.Addr().AsSlice())
	route = attribute(route, unix.RTA_OIF, of.AppendUint32(nil, uint32(lo.Index)))
	m := of.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(route)))
	m = of.AppendUint16(m, unix.RTM_NEWROUTE)
	m = of.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	m = append(of.AppendUint64(m, 1), route...) // a number, and that of nobody
	if err := unix.Sendto(s, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("the answer has %d bytes", n)
	}
	if code := int32(of.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
