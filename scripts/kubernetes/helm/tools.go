// Names the program that is built of this module: Helm itself, as its authors have it.

//go:build tools

package tools

import _ "helm.sh/helm/v4/cmd/helm"
