package xds

import "google.golang.org/grpc"

// asStreams registers the methods of services as streams. The message of any other call
// is read by gRPC before an interceptor has seen it: whoever gets to the address could
// have as many held as there are calls on a connection, of up to maxMessage each. On
// the wire the two are the same.
type asStreams struct {
	grpc.ServiceRegistrar
	door *door
}

// RegisterService is called by the generated code of a service.
func (a asStreams) RegisterService(desc *grpc.ServiceDesc, impl any) {
	streams := *desc
	streams.Methods, streams.Streams = nil, append([]grpc.StreamDesc(nil), desc.Streams...)
	for _, m := range desc.Methods {
		streams.Streams = append(streams.Streams, grpc.StreamDesc{StreamName: m.MethodName, ClientStreams: true, Handler: func(impl any, st grpc.ServerStream) error {
			answer, err := m.Handler(impl, st.Context(), func(request any) error {
				err := st.RecvMsg(request)
				if err == nil {
					a.door.knows(st.Context())
				}
				return err
			}, nil)
			if err != nil {
				return err
			}
			return st.SendMsg(answer)
		}})
	}
	a.ServiceRegistrar.RegisterService(&streams, impl)
}
