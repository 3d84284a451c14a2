//go:build !archive

package engine

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func (e *Engine) Deploy(context.Context, []byte, bool) (ports.DeployResult, error) {
	return ports.DeployResult{}, fault.New(fault.Unimplemented, "no deploy")
}

func (e *Engine) Packages(context.Context) ([]ports.PackageInfo, error) { return nil, nil }
