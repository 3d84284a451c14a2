module github.com/aionrun/aion/internal/tools

go 1.26.0
