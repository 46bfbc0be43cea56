// Command gatehouse is an identity provider with sibling apps, in one binary:
//
//	gatehouse up          run the whole estate on this machine, with a load balancer
//	gatehouse portal      run one replica of one service (also: shop, forum, analytics, academy)
//	gatehouse migrate     migrate all databases
//
// It only wires: services.go is the table of services, flags.go the command line, up.go runs the estate, replica.go one
// replica of a service, lab.go an experiment of the academy.
package main
